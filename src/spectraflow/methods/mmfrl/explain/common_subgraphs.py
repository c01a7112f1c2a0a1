"""What the positive subgraphs of many molecules share, and how it parts positive from negative molecules (Fig. 5)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdFMCS
from rdkit.ML.Cluster import Butina

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.mmfrl.settings import SubgraphSettings
from spectraflow.splits.similarity import distances, morgan_fingerprints

_NORMAL_95 = 1.959964


def clusters(smiles: Sequence[str], distance: float) -> list[list[int]]:
    """Return the indices of `smiles` in clusters of at most this Tanimoto distance from a centre, largest first.

    Source: Butina, J. Chem. Inf. Comput. Sci. 1999, 39, 747; Morgan fingerprints of radius 2.
    """
    prints = morgan_fingerprints(smiles)
    lower = [distances(prints[i], prints[:i]) for i in range(1, len(prints))]
    flat = np.concatenate(lower).tolist() if lower else []
    found = Butina.ClusterData(flat, len(prints), distance, isDistData=True)
    return sorted((sorted(members) for members in found), key=lambda members: (-len(members), members))


def common_subgraph(smiles: Sequence[str], settings: SubgraphSettings) -> str | None:
    """Return the SMARTS of the largest subgraph that the required share of `smiles` has.

    Elements and bond orders are compared, aromatic ones as such; rings are matched whole, their bonds with bonds of
    rings only. None if there are fewer than two molecules, if the search took too long, or if fewer atoms are shared
    than the settings ask for.
    """
    if len(smiles) < 2:
        return None
    found = rdFMCS.FindMCS([Chem.MolFromSmiles(text) for text in smiles], _parameters(settings))
    return None if found.canceled or found.numAtoms < settings.common_atoms else str(found.smartsString)


def _parameters(settings: SubgraphSettings) -> rdFMCS.MCSParameters:
    found: Any = rdFMCS.MCSParameters()
    found.Threshold = settings.common
    found.Timeout = settings.seconds
    found.AtomTyper = rdFMCS.AtomCompare.CompareElements
    found.BondTyper = rdFMCS.BondCompare.CompareOrderExact
    # of bonds, not of atoms: the atom that is left where a ring was cut off lies in a ring of the molecule
    found.BondCompareParameters.RingMatchesRingOnly = True
    found.BondCompareParameters.CompleteRingsOnly = True
    return found


def support(smarts: str, molecules: Sequence[Chem.Mol], positive: NDArray[np.bool_]) -> dict[str, Any]:
    """Return how often positive and negative molecules hold a subgraph.

    ``positives`` and ``negatives`` are shares (null without such molecules), ``odds_ratio`` that of the two with half a
    molecule added to each count and a 95 % interval (Woolf's), ``p`` Fisher's exact two-sided p-value.
    """
    from scipy.stats import fisher_exact

    pattern = Chem.MolFromSmarts(smarts)
    holds = np.array([mol.HasSubstructMatch(pattern) for mol in molecules], dtype=bool)
    table = np.array([[(holds & positive).sum(), (holds & ~positive).sum()], [0, 0]])
    table[1] = positive.sum() - table[0, 0], (~positive).sum() - table[0, 1]
    filled = table + 0.5
    logarithm = float(np.log(filled[0, 0] * filled[1, 1] / (filled[0, 1] * filled[1, 0])))
    margin = _NORMAL_95 * float(np.sqrt((1 / filled).sum()))
    value, low, high = np.exp([logarithm, logarithm - margin, logarithm + margin]).tolist()
    return {
        "positives": _share(table[:, 0]),
        "negatives": _share(table[:, 1]),
        "odds_ratio": Interval(value, low, high, len(molecules)).as_dict(),
        "p": float(fisher_exact(table).pvalue),
    }


def _share(counts: NDArray[np.int_]) -> float | None:
    return float(counts[0] / counts.sum()) if counts.sum() else None


def common_subgraphs(
    subgraphs: Sequence[str],
    molecules: Sequence[str],
    positive: NDArray[np.bool_],
    settings: SubgraphSettings,
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return what clusters of subgraphs share, with its support among test molecules, and the cluster of each subgraph.

    Args:
        subgraphs: SMILES of the minimal positive subgraphs.
        molecules: SMILES of the measured test molecules, where support is counted.
        positive: which of these are measured positive, (n,).
        settings: of the search.

    A row has ``cluster``, ``members``, ``smarts``, what `support` returns, and ``p_adjusted`` over the rows
    (Benjamini and Hochberg). The subgraphs come from molecules of the same part that were predicted positive, so that
    support shows what the model looks for among these molecules, not a rule proved on others.
    """
    from scipy.stats import false_discovery_control

    if not subgraphs:
        return [], []
    groups = clusters(subgraphs, settings.distance)
    cluster_of = {member: number for number, members in enumerate(groups) for member in members}
    tested = [Chem.MolFromSmiles(text) for text in molecules]
    rows = []
    for number, members in enumerate(groups):
        smarts = common_subgraph([subgraphs[member] for member in members], settings)
        if smarts is not None:
            row = {"cluster": number, "members": len(members), "smarts": smarts}
            rows.append({**row, **support(smarts, tested, positive)})
    adjusted = false_discovery_control([row["p"] for row in rows]).tolist() if rows else []
    rows = [{**row, "p_adjusted": p} for row, p in zip(rows, adjusted, strict=True)]
    return rows, [cluster_of[member] for member in range(len(subgraphs))]
