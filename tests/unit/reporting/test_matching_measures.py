from spectraflow.reporting.matching_measures import matching_measures
from spectraflow.reporting.runs import as_measured

INFO = {"parameters": {"total": 42_912_517, "trainable": 412_357}}
EXAMINED = {
    "changes": {"solvent line": {"near": {"auc": {"value": 0.8}}}},
    "retrieval": {"256/near": {"queries": 9, "hits": {"1": 0.5}, "mrr": {"value": 0.6}, "permuted": {"1": 0.004}}},
    "cost": {"uncached": {"16": {"ms": 20.0, "iqr": [19.0, 22.0], "peak_mb": 330.0}}, "cached": {"16": {"ms": 1.0}}},
    "map": {"silhouette": 0.2},
}


def test_numbers_are_found_by_name():
    found = matching_measures(INFO, {"verdicts": {"near": {"confirm": 0.4}}}, EXAMINED)
    assert found["cost/parameters_m"] == 42.913
    assert found["cost/ms_per_batch"] == {"value": 20.0, "low": 19.0, "high": 22.0}
    assert found["cost/peak_memory_mb"] == 330.0
    assert found["changes/solvent line/near/auc"] == {"value": 0.8}
    assert found["candidates/256/near/1"] == 0.5
    assert found["candidates/256/near/mrr"] == {"value": 0.6}
    assert found["candidates/256/near/permuted/1"] == 0.004
    assert found["verdicts/near/confirm"] == 0.4
    assert found["map/silhouette"] == 0.2


def test_what_was_not_measured_has_no_number():
    found = matching_measures({}, {}, None)
    assert not [name for name, value in found.items() if as_measured(value) is not None]
