"""The workflow's text and plan, without running a job."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = {
    match[1]: match[2]
    for path in sorted((ROOT / "workflow" / "rules").glob("*.smk"))
    if path.stem != "targets"
    for match in re.finditer(r"^rule (\w+):\n(.*?)(?=^rule |\Z)", path.read_text(), re.MULTILINE | re.DOTALL)
}


def test_entry_is_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 60


@pytest.mark.parametrize("path", sorted((ROOT / "workflow" / "rules").glob("*.smk")), ids=lambda path: path.stem)
def test_rule_files_say_what_goes_in_and_out(path):
    assert re.match(r"# In: .*Out: ", path.read_text())


@pytest.mark.parametrize("rule", RULES)
def test_rules_keep_a_log_and_call_one_command(rule):
    text = RULES[rule]
    assert "log:" in text
    if "localrule: True" in text:
        return
    assert "benchmark:" in text
    assert "exec &> >(tee {log:q})" in text
    assert len(re.findall(r"(?:^|else) *spectraflow ", text, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if not rule.startswith(("retrieve_", "label_", "initialise", "sync_"))]
)
def test_computing_rules_know_their_code(rule):
    assert "code=code_of(" in RULES[rule]


@pytest.mark.parametrize("target", ["all", "km3aid", "matchnet", "report", "tables"])
def test_targets_can_be_planned(snakemake, tiny, target):
    done = snakemake("--configfile", str(tiny), "--dry-run", "--config", "name=planned", "--", target)
    assert "Job stats:" in done.stdout + done.stderr


@pytest.mark.parametrize("dataset", ["open_exp", "sdbs"])
def test_experimental_data_sets_can_be_planned(snakemake, tiny, dataset):
    files = [f"results/planned/tables/{dataset}/vectors.parquet", f"results/planned/features/{dataset}/labels.parquet"]
    done = snakemake("--configfile", str(tiny), "--dry-run", "--config", "name=planned", "--", *files)
    rules = {"open_exp": {"ingest_massbank", "ingest_nmrshiftdb2", "join_open_experimental"}, "sdbs": {"ingest_sdbs"}}
    planned = set(re.findall(r"^(\w+) +\d+$", done.stdout + done.stderr, re.MULTILINE)) - {"total"}
    assert planned == {"generate_demo", "render_vectors", "label_groups", *rules[dataset]}


MATCHING = """\
km3aid: {runs: [{label: alignment}], grids: []}
shifts: {base: {records: train}, runs: [{label: shifts}]}
matchnet:
  follow: published_ids
  examination: {runs: first}
  base:
    {dataset: nmrshiftdb2, split: random, network: {spectra: images, blind: none, backbone: {name: tiny}}}
  runs:
    - {label: images}
    - {label: other images, network: {graph: gcn}}
    - {label: vectors, network: {spectra: vectors}}
    - {label: line counts, kind: line_counts}
    - {label: shifts, kind: shift_model, scores: shifts}
    - {label: alignment, kind: alignment_model, scores: alignment}
    - {label: listed, dataset: matcs, split: listed, network: {spectra: vectors}, transfer: nmrshiftdb2}
"""


def test_what_matching_needs_is_planned(snakemake, tiny, checkout):
    overlay = checkout / "matching_runs.yaml"
    overlay.write_text(MATCHING, encoding="utf-8")
    files = ("--configfile", str(tiny), str(overlay))
    done = snakemake(*files, "--dry-run", "--config", "name=planned", "--", "matchnet")
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE))
    expected = {
        "ingest_matcs": 1,
        "select_matching_spectra": 2,
        "split_matching_spectra": 2,
        "render_spectra": 2,
        "pair_spectra": 2,
        "cache_features": 1,
        "score_pairs": 2,
        "train_matchnet": 7,
        "label_matchnet": 7,
        "examine_matchnet": 2,
        "train_km3aid": 1,
        "train_shifts": 1,
        "write_matching_report": 1,
    }
    assert {rule: int(counts.get(rule, 0)) for rule in expected} == expected


def test_each_published_list_of_pairs_is_retrieved_by_its_name(snakemake):
    wanted = "results/p/tables/matcs/split.parquet"
    settings = ["name=p", "data=published", "mirror=/some where"]
    done = snakemake("--dry-run", "--quiet", "host", "-p", "--config", *settings, "--", wanted)
    planned = re.findall(r"spectraflow retrieve matcs (.*)", done.stdout + done.stderr)
    names = [f"{name}.csv.gz" for name in ("test_diff", "test_rand", "test_sim", "train", "validation")]
    expected = [f"--file {name} --out results/p/raw/matcs/{name} --mirror '/some where'" for name in names]
    assert sorted(planned) == expected


def test_published_sdbs_must_be_supplied(snakemake):
    wanted = "results/p/tables/sdbs/vectors.parquet"
    done = snakemake("--dry-run", "--config", "name=p", "data=published", "--", wanted, fails=True)
    assert done.returncode == 1
    assert "SDBS is not supplied" in done.stdout + done.stderr


def test_wrong_configuration_names_every_fault(snakemake):
    done = snakemake("--dry-run", "--config", "nmae=x", "demo={molecules: 1}", fails=True)
    output = done.stdout + done.stderr
    assert done.returncode == 1
    assert "nmae: unknown key" in output
    assert "demo.molecules" in output
    assert "Traceback" not in output


def test_mirror_can_be_given_on_the_command_line(snakemake, checkout):
    done = snakemake(
        "--configfile",
        "workflow/config/real.yaml",
        "--dry-run",
        "--quiet",
        "host",
        "-p",
        "--config",
        "mirror=/some where",
    )
    assert "--mirror '/some where'" in done.stdout + done.stderr


def test_parsing_prints_nothing_to_stdout(snakemake):
    done = snakemake("--dag", "--forceall")
    assert done.stdout.startswith("digraph")
