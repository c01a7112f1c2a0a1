import gzip
import json
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdkit import Chem

from spectraflow.errors import AccountingError, InputError, SpectraflowError
from spectraflow.sources.nmrshiftdb2 import ingest
from spectraflow.tables import MOLECULES, PEAKS, REJECTS, read_table

MIRROR = Path(__file__).parents[4] / "shared" / "data" / "nmrshiftdb2"


@pytest.fixture
def read(tmp_path, sd):
    """Return a function from SD text to (counts, molecules, peaks, rejects)."""

    def run(text, **options):
        raw = sd.write_sd(tmp_path / "raw.sd", text)
        return run_file(raw, tmp_path / "out", **options)

    return run


def run_file(raw, out, **options):
    counts = ingest(raw, out / "m.parquet", out / "p.parquet", out / "r.parquet", out / "c.json", **options)
    assert json.loads((out / "c.json").read_text()) == counts
    tables = [("m", MOLECULES), ("p", PEAKS), ("r", REJECTS)]
    return counts, *(read_table(out / f"{name}.parquet", schema).to_pylist() for name, schema in tables)


def test_a_record_becomes_a_molecule_and_its_spectra(read, sd):
    text = sd.sd_record(
        "77",
        "OCC",
        **{
            "Spectrum 13C 0": "57.9;0.0t;1|18.1;1.5Q;2|",
            "Spectrum 1H 1": "1.2;0.0br s;2|3.7;0.0;1|",
            "Spectrum 13C 2": "58;0.0CH2;1|",
            "Solvent": "0:Chloroform-D1 (CDCl3) + TMS (9:1) 1:Unreported ",
            "Field Strength [MHz]": "0:100.6 1:Unknown 2:60 or 80",
            "Temperature [K]": "1:298 2:",
            "NMRMethod": "2: 3: ",
        },
    )
    counts, molecules, peaks, rejects = read(text)
    assert [m["molecule_id"] for m in molecules] == ["nmrshiftdb2:77"]
    assert molecules[0]["smiles"] == "CCO"
    assert rejects == []
    first, proton, computed = peaks
    assert first["spectrum_id"] == "nmrshiftdb2:77/13C/0"
    assert first["position"] == [57.9, 18.1]
    assert first["intensity"] == [0.0, 1.5]
    assert first["multiplicity"] == ["T", "Q"]
    assert first["atoms"] == [[1], [0]]
    assert (first["solvent"], first["frequency_mhz"], first["temperature_k"]) == (
        "Chloroform-D1 (CDCl3) + TMS (9:1)",
        100.6,
        None,
    )
    assert (proton["multiplicity"], proton["solvent"], proton["frequency_mhz"]) == (["br s", None], None, None)
    assert proton["temperature_k"] == 298
    assert computed["multiplicity"] == ["CH2"]
    assert [p["origin"] for p in peaks] == ["measured", "measured", "predicted"]
    assert (computed["frequency_mhz"], computed["temperature_k"]) == (None, None)
    assert (counts["with_13C"], counts["with_1H"], counts["with_both"]) == (1, 1, 1)
    assert (counts["spectra_found"], counts["peaks_found"], counts["predicted_spectra"]) == (3, 5, 1)


@pytest.mark.parametrize("mark", ["Program", "NMRMethod", "NMRProgram", "GeomMethod"])
def test_every_program_property_marks_predictions(read, sd, mark):
    text = sd.sd_record(
        "1", **{"Spectrum 13C 0": "18;0.0Q;0|", "Spectrum 13C 1": "18;0.0Q;0|", mark: "1:HOSE code 10:x"}
    )
    peaks = read(text, origin="simulated")[2]
    assert [p["origin"] for p in peaks] == ["simulated", "predicted"]


def test_explicit_hydrogens_stand_for_their_heavy_atom(read, sd):
    block = sd.mol_block("OCC", hydrogens=True)  # O 0, C 1, C 2, H on O 3, on C1 4-5, on C2 6-8
    text = sd.sd_record(
        "1", block=block, **{"Spectrum 1H 0": "1.2;0;8|3.6;0;4|2.6;0;3|", "Spectrum 13C 1": "57;0T;1|18;0Q;6|"}
    )
    counts, molecules, peaks, rejects = read(text)
    assert molecules[0]["smiles"] == "CCO"
    assert peaks[0]["atoms"] == [[0], [1], [2]]
    assert peaks[1]["atoms"] == [[1], []]
    assert [(r["stage"], r["reason"]) for r in rejects] == [("assignment", "wrong_element")]
    assert counts["assignment_rejects"] == 1


def test_atoms_follow_the_order_of_the_smiles(read, sd):
    """Shifts equal to 10 times a fingerprint of each atom must come back at atoms with that fingerprint."""
    rng = random.Random(3)
    smiles = [
        "CC(=O)Oc1ccccc1C(=O)O",
        "C[C@H](N)C(=O)O",
        "C/C=C/C#N",
        "O=C1NC(=O)c2ccccc21",
        "[13CH3]CC.Cl",
        "C[N+](C)(C)CC(=O)[O-]",
    ]
    text, truth = "", {}
    for number, original in enumerate(smiles):
        mol = Chem.MolFromSmiles(original)
        order = list(range(mol.GetNumAtoms()))
        rng.shuffle(order)
        shuffled = Chem.RenumberAtoms(mol, order)
        ranks = list(Chem.CanonicalRankAtoms(shuffled, breakTies=False))
        truth[f"nmrshiftdb2:{number}"] = (shuffled, ranks)
        peaks = "".join(f"{a.GetIdx()};0.0;{a.GetIdx()}|" for a in shuffled.GetAtoms() if a.GetAtomicNum() == 6)
        text += sd.sd_record(str(number), block=Chem.MolToMolBlock(shuffled), **{"Spectrum 13C 0": peaks})
    _, molecules, peaks, rejects = read(text)
    assert not rejects
    for row, spectrum in zip(molecules, peaks, strict=True):
        reparsed = Chem.MolFromSmiles(row["smiles"])
        shuffled, ranks = truth[row["molecule_id"]]
        matches = shuffled.GetSubstructMatches(reparsed, uniquify=False, useChirality=True)
        mapping = {int(shift): atoms[0] for shift, atoms in zip(spectrum["position"], spectrum["atoms"], strict=True)}
        assert any(all(match[new] == old for old, new in mapping.items()) for match in matches)


SIGNALS = {"Spectrum__13C__0": "18.1;0.0Q;0|57.9;0.0T;1|"}


@pytest.mark.parametrize(
    ("signal", "stage", "reason", "kept"),
    [
        ("abc;0.0Q;0", "peak", "malformed_peak", 1),
        ("18.1;Q;0", "peak", "malformed_peak", 1),
        ("18.1;0.0Q", "peak", "malformed_peak", 1),
        ("18.1;0.0Q;x", "peak", "malformed_peak", 1),
        ("", "peak", "malformed_peak", 1),
        ("1_8;0.0Q;0", "peak", "malformed_peak", 1),
        ("18.1;0.0Q;" + "9" * 5000, "peak", "malformed_peak", 1),
        ("nan;0.0Q;0", "peak", "shift_not_finite", 1),
        ("-inf;0.0Q;0", "peak", "shift_not_finite", 1),
        ("1e999;0.0Q;0", "peak", "shift_not_finite", 1),
        ("18.1;0.0Q;3", "assignment", "atom_out_of_range", 2),
        ("18.1;0.0Q;-1", "assignment", "atom_out_of_range", 2),
        ("18.1;0.0Q;2", "assignment", "wrong_element", 2),
    ],
)
def test_faulty_peaks(read, sd, signal, stage, reason, kept):
    counts, _, peaks, rejects = read(sd.sd_record("5", **{"Spectrum 13C 0": f"57.9;0.0T;1|{signal}|"}))
    assert [(r["native_id"], r["stage"], r["reason"]) for r in rejects] == [("5", stage, reason)]
    assert "Spectrum 13C 0, peak 1" in rejects[0]["message"]
    assert len(peaks[0]["position"]) == kept
    assert peaks[0]["atoms"][1:] == [[]] * (kept - 1)
    assert counts["peaks_found"] == 2


def test_an_unassigned_peak_is_no_fault(read, sd):
    _, _, peaks, rejects = read(sd.sd_record("5", **{"Spectrum 13C 0": "57.9;0.0T;|"}))
    assert (peaks[0]["atoms"], rejects) == ([[]], [])


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Spectrum 13C 0", "", "empty_peak_list"),
        ("Spectrum 13C 0", "x;y;z|", "empty_peak_list"),
        ("Spectrum 19F 0", "-104;0.0S;0|", "unsupported_nucleus"),
        ("Spectrum H,C-HSQC 4", "1;2;3|", "unsupported_nucleus"),
        ("Spectrum 13C", "18;0.0Q;0|", "malformed_line"),
    ],
)
def test_spectra_that_cannot_be_used(read, sd, name, value, reason):
    counts, _, peaks, rejects = read(sd.sd_record("5", **{name: value, "rawdata 13C 0": "http://x"}))
    assert peaks == []
    assert [r["reason"] for r in rejects if r["stage"] == "spectrum"] == [reason]
    assert (counts["spectra_found"], counts["spectrum_rejects"], counts["rawdata_properties"]) == (1, 1, 1)


def test_a_spectrum_given_twice_counts_once(read, sd):
    text = sd.sd_record("5", **SIGNALS).replace("$$$$", "> <Spectrum 13C 0>\n1;0.0Q;0|\n\n$$$$")
    _, _, peaks, rejects = read(text)
    assert [p["position"] for p in peaks] == [[18.1, 57.9]]
    assert [(r["stage"], r["reason"]) for r in rejects] == [("spectrum", "duplicate_id")]


def faulty_records(sd):
    good = sd.mol_block("CCO")
    return {
        "unreadable_molecule": sd.sd_record("2", block="rubbish\n", **SIGNALS),
        "unknown element": sd.sd_record("2", block=good.replace(" O ", " Xx"), **SIGNALS),
        "dummy atom": sd.sd_record("2", block=good.replace(" O ", " * "), **SIGNALS),
        "pentavalent": sd.sd_record(
            "2", block=good.replace("  2  3  1", "  2  3  3").replace("  1  2  1", "  1  2  3")
        ),
        "cut block": sd.sd_record("2", block="\n".join(good.splitlines()[:6]) + "\n", **SIGNALS),
        "empty_molecule": sd.sd_record("2", block=Chem.MolToMolBlock(Chem.Mol()), **SIGNALS),
        "missing_id": sd.sd_record(None, **SIGNALS),
        "blank id": sd.sd_record(" ", **SIGNALS),
        "duplicate_id": sd.sd_record("1", **SIGNALS),
        "two ids": sd.sd_record("2").replace("$$$$\n", "") + sd.sd_record("3"),
        "molecule_too_large": sd.sd_record("2", block=sd.long_chain(1001), **SIGNALS),
        "huge": sd.sd_record("2", block=sd.long_chain(10_000), **SIGNALS),
        "truncated_record": sd.sd_record("2", **SIGNALS).removesuffix("$$$$\n"),
    }


REASONS = {
    "unknown element": "unreadable_molecule",
    "dummy atom": "unreadable_molecule",
    "pentavalent": "unreadable_molecule",
    "cut block": "unreadable_molecule",
    "blank id": "missing_id",
    "two ids": "truncated_record",
    "huge": "molecule_too_large",
}


@pytest.mark.parametrize(
    "case",
    [
        *(
            "unreadable_molecule",
            "empty_molecule",
            "missing_id",
            "duplicate_id",
            "molecule_too_large",
            "truncated_record",
        ),
        *REASONS,
    ],
)
def test_faulty_records(read, sd, case):
    start = time.monotonic()
    counts, molecules, _, rejects = read(sd.sd_record("1", **SIGNALS) + faulty_records(sd)[case])
    assert time.monotonic() - start < 5
    assert [m["molecule_id"] for m in molecules] == ["nmrshiftdb2:1"]
    assert [(r["stage"], r["reason"]) for r in rejects] == [("record", REASONS.get(case, case))]
    assert rejects[0]["message"].startswith("record 2, line 1")
    assert (counts["records"], counts["record_rejects"]) == (2, 1)
    assert counts["spectra_found"] == 1


def test_the_message_says_what_is_wrong_with_a_molecule(read, sd):
    rejects = read(faulty_records(sd)["pentavalent"])[3]
    assert "valence" in rejects[0]["message"]


@pytest.mark.parametrize("content", [b"", gzip.compress(b"CCO\n$$$$\n" * 500)[:-20]], ids=["empty", "cut"])
def test_nothing_is_left_of_a_file_that_cannot_be_used(tmp_path, content):
    raw, out = tmp_path / "raw.sd.gz", tmp_path / "out"
    raw.write_bytes(content)
    with pytest.raises(InputError, match=r"raw\.sd\.gz"):
        run_file(raw, out)
    assert list(out.iterdir()) == []


def test_nothing_is_left_if_the_counts_do_not_add_up(tmp_path, sd, monkeypatch):
    from spectraflow.sources import nmrshiftdb2

    def lose_a_spectrum(*_):
        return None

    monkeypatch.setattr(nmrshiftdb2, "_read_spectra", lose_a_spectrum)
    raw = sd.write_sd(tmp_path / "raw.sd", sd.sd_record("1", **SIGNALS))
    with pytest.raises(AccountingError, match="1 spectra were read, but 0 kept and 0 rejected"):
        run_file(raw, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_two_processes_and_gzip_give_the_same_tables(tmp_path, sd, monkeypatch):
    from spectraflow.sources import nmrshiftdb2

    monkeypatch.setattr(nmrshiftdb2, "CHUNK_RECORDS", 2)
    text = (
        "".join(sd.sd_record(str(i % 6), "C" * (i + 1), **SIGNALS) for i in range(7)) + faulty_records(sd)["cut block"]
    )
    one = run_file(sd.write_sd(tmp_path / "raw.sd", text), tmp_path / "a")
    two = run_file(sd.write_sd(tmp_path / "raw.sd.gz", text), tmp_path / "b", processes=2)
    assert one == two
    assert one[0]["records"] == 8


def test_limit(read, sd):
    assert read("".join(sd.sd_record(str(i)) for i in range(5)), limit=3)[0]["records"] == 3


@st.composite
def mutations(draw):
    return draw(
        st.lists(
            st.tuples(
                st.sampled_from(["insert", "delete", "replace", "drop line", "repeat line"]),
                st.floats(0, 1, exclude_max=True),
                st.text(
                    st.one_of(st.sampled_from("$>|;:-0129 \n\r\tEM<.#*"), st.characters(exclude_categories=["Cs"])),
                    min_size=1,
                    max_size=4,
                ),
            ),
            min_size=1,
            max_size=6,
        )
    )


def mutate(text, steps):
    for kind, where, piece in steps:
        at = int(where * len(text))
        if kind == "insert":
            text = text[:at] + piece + text[at:]
        elif kind == "delete":
            text = text[:at] + text[at + len(piece) :]
        elif kind == "replace":
            text = text[:at] + piece + text[at + len(piece) :]
        else:
            lines = text.split("\n")
            at = int(where * len(lines))
            lines[at : at + 1] = [] if kind == "drop line" else [lines[at], lines[at]]
            text = "\n".join(lines)
    return text


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=mutations())
def test_no_mutation_raises_or_loses_a_record(tmp_path, sd, steps):
    conditions = {
        "Solvent": "0:Chloroform-D1 (CDCl3) 1:Unreported ",
        "Temperature [K]": "0:298 1:Unknown",
        "Program": "1:HOSE",
    }
    text = "".join(
        sd.sd_record(str(i), s, **SIGNALS, **{"Spectrum 1H 1": "1.2;0.0br s;0|3.6;0.0;1|"}, **conditions)
        for i, s in enumerate(["CC(C)O", "C[C@@H](N)C(=O)O", "c1ccccc1C"])
    )
    raw = tmp_path / "raw.sd"
    damaged = mutate(text, steps)
    raw.write_bytes(damaged.encode())
    counts, molecules, peaks, rejects = run_file(raw, tmp_path / "out")
    records = [r for r in rejects if r["stage"] == "record"]
    assert counts["records"] == len(molecules) + len(records)
    ended = [record for record in damaged.split("\n$$$$\n")[:-1] if record.strip()]
    assert counts["records"] >= len(ended)
    for spectrum in peaks:
        lengths = {len(spectrum[c]) for c in ("position", "intensity", "multiplicity", "atoms")}
        assert len(lengths) == 1
    for molecule in molecules:
        assert Chem.MolFromSmiles(molecule["smiles"]) is not None


@pytest.mark.real_data
@pytest.mark.skipif(not (MIRROR / "NMR8K.sdf.gz").exists(), reason="no mirror of real data beside the project")
@pytest.mark.parametrize(
    ("name", "records"),
    [("nmrshiftdb2withsignals.sd.gz", 600), ("NMR8K.sdf.gz", 300), ("nmrshiftdb2withsignals_fl.sd", 300)],
)
def test_real_records(tmp_path, name, records):
    counts, molecules, peaks, _ = run_file(MIRROR / name, tmp_path, limit=records)
    assert counts["records"] == records == len(molecules) + counts["record_rejects"]
    assert counts["record_rejects"] <= 0.02 * records
    elements = {
        m["molecule_id"]: [a.GetAtomicNum() for a in Chem.MolFromSmiles(m["smiles"]).GetAtoms()] for m in molecules
    }
    for spectrum in peaks:
        if spectrum["technique"] == "13C":
            assert all(elements[spectrum["molecule_id"]][i] == 6 for atoms in spectrum["atoms"] for i in atoms)


def test_a_dead_worker_is_reported():
    from spectraflow.parallel import ordered_map

    with pytest.raises(SpectraflowError, match="worker process died"):
        list(ordered_map(_die, range(4), processes=2))


def _die(_):
    import os

    os._exit(1)
