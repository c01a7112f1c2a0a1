from spectraflow.reporting.groups import examination_figures as inside


def test_what_was_examined_is_drawn(make_entries):
    (entry,) = make_entries(({"dataset": "open_exp", "modalities": ["MS", "1H_wide"]}, {"examined": True}))
    examination = entry.first_run.examination
    (noise,) = inside.noise_curve([entry]).axes
    assert list(noise.containers[0][0].get_xdata()) == [0, 0.05, 0.1]
    (missing,) = inside.missing_bars(entry).axes
    assert [label.get_text() for label in missing.get_yticklabels()] == ["all spectra", "without MS", "without 1H"]
    shares = inside.importance_maps(examination).axes
    assert [axes.get_xlim() for axes in shares] == [(0, 599.9), (14, -1)]
    assert [axes.get_xlabel() for axes in shares] == ["m/z", "ppm"]
    _, labels = inside.weights(entry, examination).axes
    scores = [entry.measure(f"groups/label/{t.get_text()}/f1").value for t in labels.get_yticklabels()]
    assert scores == sorted(scores)


def test_without_an_examination_nothing_is_drawn(make_entries):
    (entry,) = make_entries(({}, {}))
    assert inside.noise_curve([entry]) is None
    assert inside.missing_bars(entry) is None
    assert inside.importance_maps({}) is None
    assert inside.weights(entry, {"weights": {}}) is None
