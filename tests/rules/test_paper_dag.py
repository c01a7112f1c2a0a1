"""The configuration of the papers can be planned, whole and without a download.

One seed of functional groups instead of eight, one of MoleculeNet tasks instead of ten and two folds of K-M3AID instead
of five: planning all jobs takes far longer and is timed by
`pytest tests/benchmarks/bench_workflow.py -m benchmark -s`.
"""

import re
import resource

import pytest
import yaml

from spectraflow.config import load_config
from spectraflow.settings import check, merge
from spectraflow.workflow import Config, Plan

PAPER = "workflow/config/paper.yaml"
FEWER = {"symspectra": {"seeds": [0]}, "km3aid": {"folds": [0, 1]}, "mmfrl": {"seeds": [0]}}
CPU_SECONDS = 120


def children_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module")
def plan(checkout):
    values = load_config(checkout / "config.yaml", checkout / PAPER).model_dump(mode="json")
    return Plan(check(Config, merge(values, FEWER)))


def test_every_run_of_the_papers_is_planned_in_reasonable_time(snakemake, plan, checkout):
    overlay = checkout / "fewer.yaml"
    overlay.write_text(yaml.safe_dump(FEWER), encoding="utf-8")
    before = children_seconds()
    done = snakemake("--configfile", PAPER, str(overlay), "--dry-run", "--quiet", "host", "rules", "reason")
    assert children_seconds() - before < CPU_SECONDS
    counts = {
        rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", done.stdout + done.stderr, re.MULTILINE)
    }
    trainings = {
        "train_km3aid": plan.runs,
        "pretrain_spectrum_encoder": plan.encoders,
        "train_shifts": plan.shifts.jobs,
        "train_symspectra": plan.symspectra.jobs,
        "train_matchnet": plan.matchnet.jobs,
        "embed_modality": plan.mmfrl.targets,
        "pretrain_encoder": plan.mmfrl.encoders,
        "train_property": plan.mmfrl.jobs,
    }
    assert {rule: counts.get(rule) for rule in trainings} == {rule: len(jobs) for rule, jobs in trainings.items()}
    assert all(len(jobs) > 1 for jobs in trainings.values())
    assert counts["total"] > 1000
    assert not (checkout / "results" / "paper" / "raw").exists()


def test_models_of_tasks_take_no_setting_from_the_demo(checkout):
    alone = load_config(checkout / PAPER)
    assert load_config(checkout / "config.yaml", checkout / PAPER).mmfrl == alone.mmfrl
