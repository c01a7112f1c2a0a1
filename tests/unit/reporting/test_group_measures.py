import pytest

from spectraflow.reporting.group_measures import group_measures, positives, technique

SCORES = {"groups/micro_f1": {"value": 0.7, "low": 0.6, "high": 0.8, "n": 20}}


def test_names_are_those_of_the_techniques():
    found = group_measures(
        {"cost": {"seconds": 1800, "peak_memory_gb": 3}},
        {
            "missing": {"1H_wide": SCORES},
            "noise": {"0.1": SCORES},
            "normality": {"13C_area": {"50": {"ks_median_p": 1}}},
        },
    )
    assert found["cost/hours"] == pytest.approx(0.5)
    assert found["cost/gb"] == 3
    assert found["examined/missing/1H/micro_f1"] == SCORES["groups/micro_f1"]
    assert found["examined/normality/13C/50/ks_median_p"] == 1
    assert "examined/noise/0.1/micro_f1" in found
    assert technique("MSMSpos") == "MSMSpos"


def test_tiers_are_counted_at_the_prevalences_of_the_paper():
    counts = {"a": 0, "b": 7, "c": 8, "d": 62, "e": 63}
    test = {f"groups/label/{name}/f1": {"value": None, "n": n} for name, n in counts.items()}
    metrics = {"parts": {"test": {**test, "groups/micro_f1": {"value": 1, "n": 1000}}}}
    assert positives(metrics) == counts
    found = group_measures(metrics, None)
    assert found == {"tier_groups/low": 2, "tier_groups/medium": 2, "tier_groups/high": 1}


def test_runs_of_other_methods_have_none():
    assert group_measures({"parts": {"test": {"atom/published": 1}}}, None) == {}
