from spectraflow.reporting.runs import load_run
from spectraflow.reporting.search_section import search_section


def test_run_without_a_search_has_no_section(make_run):
    assert search_section(load_run(make_run("a"))) is None


def test_every_search_stands_beside_its_controls(make_run):
    section = search_section(load_run(make_run("a", search=True)))
    assert section["k"] == ["1", "10", "100"]
    assert [row["title"] for row in section["rows"]] == [
        "exact, every molecule",
        "by chance",
        "with swapped spectra",
        "exact, molecules within 5 Da",
        "by chance",
        "with swapped spectra",
        "exact, molecules of its formula",
        "by chance",
        "with swapped spectra",
        "approximate, every molecule",
    ]
    first, chance, swapped = section["rows"][:3]
    assert first["texts"][1] == "5.0 [4.0, 6.0]"
    assert (first["eligible"], first["absent"], first["seconds"]) == ("3,979", "12", "1.25")
    assert chance["texts"] == ["0.03", "0.25", "2.51"]
    assert swapped["texts"][2] == "2.51 [2.50, 2.52]"


def test_index_and_counts_are_told(make_run):
    section = search_section(load_run(make_run("a", search=True)))
    assert section["index"]["recall"] == "99.1 [98.1, 100.1]"
    assert "probes: 24" in section["index"]["settings"]
    counts = dict(section["counts"])
    assert counts["candidates"] == "3,979"
    assert counts["queries whose molecule is unknown"] == "0"


def test_a_single_query_has_no_swapped_spectra(make_run):
    run = load_run(make_run("a", search=True))
    del run.search["exact"]["mass"]["swapped_spectra"]
    titles = [row["title"] for row in search_section(run)["rows"]]
    assert titles.count("with swapped spectra") == 2
