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


@pytest.mark.parametrize("target", ["all", "km3aid", "report", "tables"])
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
