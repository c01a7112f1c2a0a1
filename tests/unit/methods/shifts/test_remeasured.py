import json
from pathlib import Path

import pytest

from spectraflow.methods.shifts.remeasured import assign_by_second_spectra
from spectraflow.tables import ALIGNMENT, PEAKS, TableWriter, read_table


@pytest.fixture
def measure(tmp_path: Path, alignment_files):
    """Write second spectra made by a function of atom and shift in ppm, and assign the first ones with them."""
    rows = read_table(alignment_files["alignment"], ALIGNMENT).to_pylist()

    def run(second, origin: str = "measured", spectrum: str = "second") -> dict:
        with TableWriter(tmp_path / "peaks.parquet", PEAKS) as writer:
            for row in rows:
                pairs = [(one, mppm / 1000) for one, mppm in zip(row["carbon_atom"], row["shift_mppm"], strict=True)]
                moved = second(pairs)
                writer.write_rows(
                    [
                        {
                            "molecule_id": row["molecule_id"],
                            "spectrum_id": row["spectrum_id"] if spectrum == "own" else spectrum,
                            "technique": "13C",
                            "position": [shift for _, shift in moved],
                            "atoms": [[atom] for atom, _ in moved],
                            "origin": origin,
                        }
                    ]
                )
        assign_by_second_spectra(
            alignment_files["alignment"], alignment_files["graphs"], tmp_path / "peaks.parquet", tmp_path / "out.json"
        )
        return json.loads((tmp_path / "out.json").read_text())

    return run


def test_a_slightly_moved_spectrum_assigns_all(measure):
    found = measure(lambda pairs: [(atom, shift + 0.1) for atom, shift in pairs])
    assert found["molecules"] == 64
    assert found["metrics"]["atom/hungarian"]["value"] == 1
    assert found["metrics"]["shift/mae_13C"]["value"] == pytest.approx(0.1)


def test_swapped_shifts_assign_wrongly(measure):
    found = measure(
        lambda pairs: list(zip([atom for atom, _ in pairs], [shift for _, shift in pairs][::-1], strict=True))
    )
    assert 0 < found["molecules"] <= 64
    assert found["metrics"]["atom/hungarian"]["value"] < 0.9


@pytest.mark.parametrize(
    ("change", "how"),
    [
        (lambda pairs: pairs, {}),
        (lambda pairs: [(atom, shift + 1) for atom, shift in pairs], {"origin": "predicted"}),
        (lambda pairs: [(atom, shift + 1) for atom, shift in pairs], {"spectrum": "own"}),
        (lambda pairs: [(atom, shift + 1) for atom, shift in pairs][1:], {}),
        (lambda pairs: [(atom, shift + by) for atom, shift in pairs for by in (1, 2)], {}),
    ],
    ids=["copy", "predicted", "the spectrum itself", "a carbon without shift", "two shifts of one carbon"],
)
def test_other_spectra_do_not_count(measure, change, how):
    assert measure(change, **how) == {"molecules": 0, "metrics": {}}
