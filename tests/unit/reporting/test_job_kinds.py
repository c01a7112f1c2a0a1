import re
from pathlib import Path

import pytest

from spectraflow.reporting.job_kinds import OTHER_KIND, kind_of

RULES = Path(__file__).parents[3] / "workflow" / "rules"


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("retrieve_pubchem", "raw files and tables"),
        ("retrieve_by_shifts", "evaluation and search"),
        ("pretrain_spectrum_encoder", "training"),
        ("dance", OTHER_KIND),
    ],
)
def test_kind_of_a_rule(rule, kind):
    assert kind_of(rule) == kind


def test_every_rule_that_has_a_benchmark_has_a_kind():
    texts = [part for path in RULES.glob("*.smk") for part in path.read_text(encoding="utf-8").split("\nrule ")[1:]]
    timed = [re.split(r"\W", text, maxsplit=1)[0] for text in texts if "benchmark:" in text]
    assert len(timed) > 40
    assert [rule for rule in timed if kind_of(rule) == OTHER_KIND] == []
