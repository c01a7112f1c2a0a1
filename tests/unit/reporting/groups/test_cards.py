from spectraflow.reporting.comparison import compare_runs
from spectraflow.reporting.groups.cards import cards


def test_headlines_floor_and_published(tmp_path, make_entries, real_published):
    entries = make_entries(
        ({}, {"quality": 0.95}),
        ({"kind": "commonest"}, {"label": "commonest", "quality": 0.6}),
        ({"permuted": True}, {"label": "permuted", "quality": 0.5}),
        ({"kind": "commonest", "dataset": "sdbs", "modalities": ["MS"]}, {"quality": 0.99}),
    )
    folders = [one.first_run.folder for one in entries]
    comparison = compare_runs(real_published, folders, tmp_path / "c.csv", data="published")
    found = {card.title: card for card in cards(entries[0], entries, comparison)}
    assert found["micro-F1"].published == "97.0 ± 1.8"
    assert found["macro-F1, groups present"].published == ""
    assert found["Floor, micro-F1"].note.startswith("commonest")
    assert float(found["Floor, micro-F1"].value) < float(found["micro-F1"].value)
