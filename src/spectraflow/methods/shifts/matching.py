"""Assignment questions to predicted shifts (reference section 8)."""

from collections.abc import Iterator

from torch import Tensor

from spectraflow.evaluation.molecule_assignment import Assigned
from spectraflow.evaluation.peak_scores import peak_scores
from spectraflow.methods.shifts.alignment import Alignment
from spectraflow.methods.shifts.prediction import PredictedShifts


def assigned_molecules(alignment: Alignment, predicted: PredictedShifts, rows: Tensor) -> Iterator[Assigned]:
    """Yield the molecules `rows` of the alignment table with their scores; `predicted` is in the table's order."""
    for row in rows.tolist():
        carbons = alignment.carbons_of(row)
        shifts = predicted.carbons.values[predicted.carbons.offsets[row] : predicted.carbons.offsets[row + 1]].numpy()
        scores = peak_scores(carbons.mppm / 1000, carbons.multiplicity, shifts[:, 1], shifts[:, 2], carbons.hydrogens)
        yield Assigned(alignment.molecule_ids[row], scores, carbons.atom, carbons.mppm, carbons.multiplicity)
