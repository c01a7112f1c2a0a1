"""Positive subgraphs of the test molecules of a task: search, clusters, table, summary and drawings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from spectraflow.evaluation.uncertainty import bootstrap_interval
from spectraflow.files import write_text
from spectraflow.methods.mmfrl.explain.common_subgraphs import common_subgraphs
from spectraflow.methods.mmfrl.explain.positive_subgraphs import Scorer, Search, search
from spectraflow.methods.mmfrl.settings import SubgraphSettings
from spectraflow.molecules.depictions import draw_subgraph


@dataclass(frozen=True)
class PredictedMolecules:
    """Test molecules (R) and one target: what was measured, NaN where nothing was, and the predicted probability."""

    ids: Sequence[str]
    smiles: Sequence[str]
    measured: NDArray[np.float64]
    predicted: NDArray[np.float64]


def positive_subgraphs(
    molecules: PredictedMolecules, scorer: Scorer, settings: SubgraphSettings, seed: int = 0
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rows of POSITIVE_SUBGRAPHS, one a searched molecule, and a summary as JSON values.

    Searched are the molecules predicted positive, at most as many as the settings say, drawn by `seed`. The summary has
    the counts ``molecules``, ``predicted_positive``, ``searched``, ``found`` and ``whole`` (nothing can be cut off);
    ``kept_share``, the mean share of atoms that are left; ``random_positive``, the control: the mean share of random
    parts of equal size that are positive; both with intervals over molecules; and ``common``, a row for each cluster of
    subgraphs that share enough (see `common_subgraphs`).
    """
    positive = np.flatnonzero(molecules.predicted >= settings.threshold)
    chosen = np.sort(np.random.default_rng(seed).permutation(positive)[: settings.molecules]).tolist()
    searches = {}
    for row in tqdm(chosen, desc="subgraphs", disable=None):
        if (one := search(molecules.smiles[row], scorer, settings, seed)) is not None:
            searches[row] = one
    rows = [_row(molecules, row, one) for row, one in searches.items()]
    found = [row for row in rows if row["subgraph"] is not None]
    measured = np.flatnonzero(np.isfinite(molecules.measured))
    common, clusters = common_subgraphs(
        [row["subgraph"] for row in found],
        [molecules.smiles[row] for row in measured.tolist()],
        molecules.measured[measured] > 0.5,
        settings,
    )
    for row, cluster in zip(found, clusters, strict=True):
        row["cluster"] = cluster
    counts = {"molecules": len(molecules.ids), "predicted_positive": len(positive), "searched": len(rows)}
    return rows, {**counts, **_summary(list(searches.values()), seed), "common": common}


def _row(molecules: PredictedMolecules, row: int, one: Search) -> dict[str, Any]:
    measured, found = float(molecules.measured[row]), one.found
    return {
        "molecule_id": molecules.ids[row],
        "smiles": molecules.smiles[row],
        "probability": one.probability,
        "measured": measured if np.isfinite(measured) else None,
        "subgraph": found.smiles if found else None,
        "atoms": sorted(found.atoms) if found else None,
        "subgraph_probability": found.probability if found else None,
        "random_positive": one.random_positive,
        "cluster": None,
    }


def _summary(searches: Sequence[Search], seed: int) -> dict[str, Any]:
    found = [one for one in searches if one.found is not None]
    shares = np.array([len(one.found.atoms) / one.atoms for one in found if one.found is not None])
    control = np.array([one.random_positive for one in found if one.random_positive is not None])
    return {
        "found": len(found),
        "whole": int((shares == 1).sum()),
        "kept_share": bootstrap_interval(shares, seed=seed).as_dict(),
        "random_positive": bootstrap_interval(control, seed=seed).as_dict(),
    }


def draw_subgraphs(rows: Sequence[dict[str, Any]], folder: Path, at_most: int) -> list[Path]:
    """Write molecules with their subgraph marked as SVG files named by molecule, those of large clusters first."""
    found = sorted((row for row in rows if row["atoms"]), key=lambda row: (row["cluster"], row["molecule_id"]))
    paths = []
    for row in found[:at_most]:
        paths.append(folder / f"{row['molecule_id'].replace(':', '-').replace('/', '-')}.svg")
        write_text(paths[-1], draw_subgraph(row["smiles"], row["atoms"]) + "\n")
    return paths
