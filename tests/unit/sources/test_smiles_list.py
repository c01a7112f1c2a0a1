import gzip
import json
import time

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from spectraflow.errors import InputError
from spectraflow.sources import raw_files, smiles_list
from spectraflow.sources.smiles_list import ingest, read_lines
from spectraflow.tables import MOLECULES, REJECTS, read_table


def run(tmp_path, content, name="raw.smi", **options):
    raw, out = tmp_path / name, tmp_path / "out"
    data = content.encode() if isinstance(content, str) else content
    raw.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    counts = ingest(raw, "pubchem", out / "m.parquet", out / "r.parquet", out / "c.json", **options)
    assert json.loads((out / "c.json").read_text()) == counts
    molecules = read_table(out / "m.parquet", MOLECULES).to_pylist()
    return counts, molecules, read_table(out / "r.parquet", REJECTS).to_pylist()


@pytest.mark.parametrize("name", ["raw.smi", "raw.smi.gz"])
def test_plain_list_is_numbered_by_line(tmp_path, name):
    counts, molecules, rejects = run(tmp_path, "OCC\nc1ccccc1 benzene\r\nN", name)
    assert [(m["molecule_id"], m["smiles"]) for m in molecules] == [
        ("pubchem:1", "CCO"),
        ("pubchem:2", "c1ccccc1"),
        ("pubchem:3", "N"),
    ]
    assert (counts["records"], counts["molecules"], rejects) == (3, 3, [])


def test_tabbed_list_carries_ids(tmp_path):
    _, molecules, rejects = run(tmp_path, "4\tCC(O)CN\n6\tO\nC\n\tCC\n9\t\n\n11\t[CH3:7]O\n")
    assert [(m["molecule_id"], m["smiles"]) for m in molecules] == [
        ("pubchem:4", "CC(O)CN"),
        ("pubchem:6", "O"),
        ("pubchem:11", "CO"),
    ]
    assert [(r["native_id"], r["reason"]) for r in rejects] == [
        ("3", "malformed_line"),
        ("4", "missing_id"),
        ("9", "empty_molecule"),
        ("6", "empty_molecule"),
    ]


@pytest.mark.parametrize(
    ("smiles", "reason"),
    [
        ("C1CC", "unreadable_molecule"),
        ("c1cccc1", "unreadable_molecule"),
        ("CN(C)(C)(C)C", "unreadable_molecule"),
        ("C[Zz]", "unreadable_molecule"),
        ("C*", "unreadable_molecule"),
        ("not a molecule", "unreadable_molecule"),
        ("\x00", "unreadable_molecule"),
        ("[H][H]", "empty_molecule"),
        ("", "empty_molecule"),
        ("C" * 1001, "molecule_too_large"),
        ("C" * 10_000, "molecule_too_large"),
        ("(" * 15_000, "unreadable_molecule"),
        ("C(" * 9_000, "unreadable_molecule"),
        ("C" * 3_000_000, "molecule_too_large"),
    ],
)
def test_what_cannot_be_used_is_rejected_quickly(tmp_path, smiles, reason):
    start = time.monotonic()
    counts, molecules, rejects = run(tmp_path, f"C\n{smiles}\nO\n")
    assert time.monotonic() - start < 3
    assert len(molecules) == 2
    assert [(r["native_id"], r["stage"], r["reason"]) for r in rejects] == [("2", "record", reason)]
    assert rejects[0]["message"].startswith("line 2: ")
    assert len(rejects[0]["message"]) < 500
    assert counts["records"] == 3


def test_a_thousand_heavy_atoms_are_allowed(tmp_path):
    assert run(tmp_path, "C" * 1000)[1][0]["heavy_atoms"] == 1000


@pytest.mark.parametrize(
    "content", [b"", gzip.compress(b""), gzip.compress(b"C\n" * 5000)[:-6]], ids=["empty", "nothing packed", "cut"]
)
def test_nothing_is_left_of_a_file_that_cannot_be_used(tmp_path, content):
    with pytest.raises(InputError, match=r"raw\.smi"):
        run(tmp_path, content)
    assert not (tmp_path / "out").exists() or list((tmp_path / "out").iterdir()) == []


def test_block_borders_do_not_matter(tmp_path, monkeypatch):
    path = tmp_path / "a.smi"
    path.write_text("ab\n\nc\ndefgh\ni")
    whole = [(line.number, line.text) for line in read_lines(path)]
    for size in (1, 2, 3, 5):
        monkeypatch.setattr(raw_files, "BLOCK_BYTES", size)
        assert [(line.number, line.text) for line in read_lines(path)] == whole


def test_a_line_without_end_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_files, "BLOCK_BYTES", 1000)
    path = tmp_path / "a.smi"
    path.write_text("C" * 1_000_000 + "\nO\n")
    lines = list(read_lines(path))
    assert [len(line.text) for line in lines] == [smiles_list.MAX_LINE_BYTES, 1]


def test_two_processes_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(smiles_list, "CHUNK_LINES", 3)
    text = "\n".join("C" * n + ("O" if n % 3 else "(") for n in range(1, 12))
    assert run(tmp_path, text) == run(tmp_path, text, processes=2)


def test_limit(tmp_path):
    assert run(tmp_path, "C\n" * 10, limit=4)[0]["records"] == 4


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(
        st.tuples(
            st.sampled_from(
                ["CC(=O)Oc1ccccc1C(=O)O", "C[C@@H](N)C(=O)O", "C/C=C/C", "[Na+].[Cl-]", "c1ccc2[nH]ccc2c1"]
            ),
            st.integers(0, 20),
            st.text(
                st.one_of(st.sampled_from("()[]@=#123%+-*.cnoHCl/\\:"), st.characters(exclude_categories=["Cs"])),
                max_size=3,
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    tabbed=st.booleans(),
)
def test_every_mutated_line_is_a_molecule_or_a_reject(tmp_path, lines, tabbed):
    mutated = [(s[:at] + piece + s[at + 1 :]).replace("\n", "") for s, at, piece in lines]
    text = "".join(f"{n}\t{s}\n" if tabbed else f"{s}\n" for n, s in enumerate(mutated))
    assume(sum(character < " " and character not in "\t\r\n" for character in text) < 0.05 * len(text))  # else binary
    counts, molecules, rejects = run(tmp_path, text)
    assert counts["records"] == len(mutated) == len(molecules) + len(rejects)
