from spectraflow.reporting.properties.costs import cost_table


def test_times_by_task_and_memory(entries):
    table = cost_table(
        entries(({"task": "esol"}, {}), ({"task": "bbbp"}, {}), ({"kind": "forest"}, {"label": "forest"}))
    )
    assert table["tasks"] == ["BBBP", "ESOL"]
    network, forest = table["rows"]
    assert (network["times"], network["memory"], network["parameters"]) == (["90 s", "90 s"], "1.5 GB", "0.26 M")
    assert forest["times"] == ["–", "90 s"]


def test_no_run_says_what_it_cost(entries):
    assert cost_table(entries(({}, {"cost": False}))) is None
