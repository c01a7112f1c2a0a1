"""Predicted groups of the test part of an experiment, its folds put together, ready to be compared with others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from spectraflow.errors import InputError
from spectraflow.evaluation.classification import predicted_labels
from spectraflow.evaluation.paired_scores import DrawnScore, drawn_scores
from spectraflow.reporting.experiments import Experiment, repeated
from spectraflow.reporting.runs import Run
from spectraflow.tables import group_predictions_schema, read_table
from spectraflow.training.run_folder import GROUP_PREDICTIONS

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Predicted:
    """Truth (N, K) and predictions of S seeds (S, N, K) for N test molecules, by ascending id within each fold."""

    molecules: tuple[str, ...]
    names: tuple[str, ...]
    labels: Bits
    predictions: Bits

    @cached_property
    def scores(self) -> Mapping[str, DrawnScore]:
        """Headline scores with bootstrap samples that equal molecules share."""
        return drawn_scores(self.labels, self.predictions, self.names)

    def comparable(self, other: "Predicted") -> bool:
        """Return whether both are about the same molecules and groups."""
        return (self.molecules, self.names) == (other.molecules, other.names)


def read_predicted(experiment: Experiment) -> Predicted | None:
    """Return what the runs of an experiment predicted for the test part, None if a run keeps no predictions.

    Where folds were repeated with unequal numbers of seeds, each counts with as many as the least repeated one. Raises
    InputError if a table does not fit the run's settings.
    """
    if not all((run.folder / GROUP_PREDICTIONS).is_file() for run in experiment.runs):
        return None
    folds = [[_test_part(run) for run in runs] for runs in repeated(experiment)]
    for found in folds:
        if any(one[0] != found[0][0] for one in found):
            raise InputError(f"{experiment.runs[0].folder}: runs of one fold were tested on different molecules")
    return Predicted(
        tuple(name for found in folds for name in found[0][0]),
        tuple(experiment.runs[0].info.get("groups") or ()),
        np.concatenate([found[0][1] for found in folds]),
        np.stack([np.concatenate([found[seed][2] for found in folds]) for seed in range(len(folds[0]))]),
    )


def _test_part(run: Run) -> tuple[tuple[str, ...], Bits, Bits]:
    names: Sequence[str] = run.info.get("groups") or ()
    path: Path = run.folder / GROUP_PREDICTIONS
    table = read_table(path, group_predictions_schema(len(names)))
    table = table.filter(pc.field("part") == "test").sort_by("molecule_id")
    if not table.num_rows or not names:
        raise InputError(f"{path}: no predictions of the test part")
    wide = {
        name: np.asarray(table[name].combine_chunks().flatten()).reshape(-1, len(names))
        for name in ("probability", "label")
    }
    return tuple(table["molecule_id"].to_pylist()), wide["label"].astype(bool), predicted_labels(wide["probability"])
