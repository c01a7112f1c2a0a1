"""Profiles for clusters, without a cluster: they are read, they plan, and short jobs go together."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROFILES = ROOT / "workflow" / "profiles"
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
RULES = {
    match[1]: match[0]
    for path in RULE_FILES
    for match in re.finditer(r"^(?:use rule \w+ as|rule) (\w+)(?: with)?:\n(?:[ \n].*\n|\n)*", path.read_text(), re.M)
}
ALONE = {"generate_demo", "initialise_tracking", "ingest_pubchem", "ingest_alberts"}
TRAININGS = {
    "pretrain_spectrum_encoder",
    "train_km3aid",
    "train_shifts",
    "train_symspectra",
    "train_matchnet",
    "cache_features",
    "embed_modality",
    "pretrain_encoder",
    "train_property",
}


def profile(name: str) -> dict[str, object]:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["slurm", "kubernetes"])
def test_profiles_share_what_the_default_sets(name):
    shared = {key: value for key, value in profile("default").items() if key != "cores"}
    assert shared.items() <= profile(name).items()


def test_every_short_rule_is_grouped_and_every_grouped_one_exists():
    groups = profile("slurm")["groups"]
    assert set(groups) <= set(RULES)
    assert set(groups.values()) == set(profile("slurm")["group-components"])
    local = {name for name, text in RULES.items() if "localrule: True" in text}
    downloads = {name for name, text in RULES.items() if "spectraflow retrieve " in text}
    targets = set(re.findall(r"^rule (\w+):", (ROOT / "workflow/rules/targets.smk").read_text(), re.M))
    assert set(RULES) - local - downloads - targets - set(groups) == TRAININGS | ALONE


def test_trainings_alone_request_gpus():
    assert {name for name, text in RULES.items() if "**plan.gpu_request" in text} == TRAININGS


@pytest.mark.parametrize("rule", [rule for rule, text in RULES.items() if "resources:" in text])
def test_memory_and_time_grow_with_each_attempt(rule):
    assert len(re.findall(r"^        (?:mem_mb|runtime)=grow\(\d+\),$", RULES[rule], re.M)) == 2


@pytest.mark.skipif(find_spec("snakemake_executor_plugin_slurm") is None, reason="the Slurm plugin is not installed")
def test_slurm_profile_plans_fewer_submissions_than_jobs(snakemake, tiny):
    options = ("--workflow-profile", "slurm", "--dry-run", "--quiet", "host")
    done = snakemake("--configfile", str(tiny), *options, "--config", "name=p", "devices={request_gpus: true}")
    output = done.stdout + done.stderr
    jobs = int(re.search(r"^total +(\d+)$", output, re.M)[1])
    local = re.compile("all$|label_(?!groups)")
    alone = [name for name in re.findall(r"^rule (\w+):$", output, re.M) if not local.match(name)]
    groups = re.findall(r"Group job (\w+) ", output)
    assert set(alone) <= TRAININGS | ALONE
    assert set(groups) == set(profile("slurm")["group-components"].keys())
    assert len(alone) + len(groups) < jobs / 2
    assert len(re.findall(r"gpu=1", output)) == sum(name in TRAININGS for name in alone)
