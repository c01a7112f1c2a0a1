"""Orders in which the decoder of SymSpectra decides functional groups (main text, Appendix L; Table 4)."""

from collections.abc import Sequence
from typing import Literal

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from spectraflow.errors import InputError

OrderKind = Literal["iupac", "mutual_information", "gnn", "alphabetical", "frequency", "random"]
Bits = NDArray[np.bool_]
Numbers = NDArray[np.float64]

IUPAC_SENIORITY = (
    "Carboxylic acid",
    "Sulfonic acid",
    "Acid anhydride",
    "Ester",
    "Carbamate",
    "Sulfonate",
    "Acyl halide",
    "Amide",
    "Thioamide",
    "Sulfonamide",
    "Imide",
    "Nitrile",
    "Isocyanate",
    "Isothiocyanate",
    "Aldehyde",
    "Thial",
    "Ketone",
    "Alcohol",
    "Phenol",
    "Enol",
    "Thiol",
    "Amine",
    "Enamine",
    "Imine",
    "Hydrazone",
    "Hydrazine",
    "Azo compound",
    "Phosphine",
    "Ether",
    "Sulfide",
    "Sulfoxide",
    "Sulfone",
    "Haloalkane",
    "Arene",
    "Alkene",
    "Alkyne",
    "Alkane",
)
"""Seniority of classes in IUPAC nomenclature. The paper gives five of the positions, which these keep; where the rules
rank no class of that name the place is ours."""

_EPSILON = 1e-12
"""Added to mutual information before it is inverted; less information than this is rounding."""


def label_order(kind: OrderKind, labels: Bits, names: Sequence[str], seed: int = 0) -> list[int]:
    """Return the order in which labels are decided, a permutation of 0..K-1.

    iupac: IUPAC_SENIORITY, groups it does not list last; alphabetical: as `names` stand in the file of definitions;
    frequency: commonest first; random: by `seed`; mutual_information: `mutual_information_order`; gnn: `gnn_order`.

    Args:
        kind: of order.
        labels: labels of the training part, (N, K) bool, N > 0.
        names: of the K labels.
        seed: of random and gnn.

    Raises InputError if there are no molecules or the names do not fit.
    """
    labels = np.asarray(labels, dtype=bool)
    if labels.ndim != 2 or not len(labels) or labels.shape[1] != len(names):
        raise InputError(f"labels {labels.shape} of {len(names)} groups give no order")
    match kind:
        case "iupac":
            return iupac_order(names)
        case "alphabetical":
            return list(range(len(names)))
        case "frequency":
            return np.argsort(-labels.sum(axis=0), kind="stable").tolist()
        case "random":
            return np.random.default_rng(seed).permutation(len(names)).tolist()
        case "mutual_information":
            return mutual_information_order(labels)
        case "gnn":
            return gnn_order(labels, seed)


def iupac_order(names: Sequence[str]) -> list[int]:
    """Return the positions of `names` by seniority, those without one last and as they stand."""
    rank = {name: place for place, name in enumerate(IUPAC_SENIORITY)}
    return sorted(range(len(names)), key=lambda k: (rank.get(names[k], len(rank)), k))


def entropies(labels: Bits) -> Numbers:
    """Return the entropy of each label in bits, (K,) (eq. 39)."""
    return _entropy(labels.mean(axis=0))


def mutual_information(labels: Bits) -> Numbers:
    """Return the mutual information of each pair of labels in bits, (K, K) (eqs. 40 to 42), 0 on the diagonal."""
    share = labels.mean(axis=0)
    both = co_occurrence(labels)
    given_true = np.divide(both, share[None, :], out=np.zeros_like(both), where=share[None, :] > 0)
    absent = 1 - share
    given_false = np.divide(share[:, None] - both, absent[None, :], out=np.zeros_like(both), where=absent[None, :] > 0)
    conditional = share[None, :] * _entropy(given_true) + absent[None, :] * _entropy(given_false)
    information = _entropy(share)[:, None] - conditional
    information = (information + information.T) / 2  # equal but for rounding
    np.fill_diagonal(information, 0)
    return np.where(information > _EPSILON, information, 0)


def mutual_information_order(labels: Bits, threshold: float = 0.0) -> list[int]:
    """Return labels by breadth-first search of the tree of strongest dependence (Appendix L.1 and L.2).

    Pairs whose mutual information exceeds `threshold` are joined at the distance 1 / information; Kruskal's minimum
    spanning tree is walked from the label of least entropy, neighbours by ascending entropy. What it does not reach
    follows, again from the least entropy. The paper gives no threshold; above 1e-3 bits the tree falls apart.
    """
    information, entropy = mutual_information(labels), entropies(labels)
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(range(len(entropy)))
    ones, others = np.nonzero(np.triu(information > threshold))
    distances = 1 / (information[ones, others] + _EPSILON)
    graph.add_weighted_edges_from(zip(ones.tolist(), others.tolist(), distances.tolist(), strict=True))
    tree = nx.minimum_spanning_tree(graph, algorithm="kruskal")
    order: list[int] = []
    for start in np.argsort(entropy, kind="stable").tolist():
        if start not in order:
            order += _by_breadth(tree, start, entropy)
    return order


def co_occurrence(labels: Bits) -> Numbers:
    """Return the share of molecules that have both labels, (K, K)."""
    counted = labels.astype(np.float32)  # exact up to 16 million molecules
    return (counted.T @ counted).astype(np.float64) / len(labels)


def phi_coefficients(labels: Bits) -> Numbers:
    """Return the phi coefficient of each pair of labels, (K, K) (eq. 47); 0 for constant labels and on the diagonal."""
    share = labels.mean(axis=0)
    spread = np.sqrt(np.outer(share * (1 - share), share * (1 - share)))
    covariance = co_occurrence(labels) - np.outer(share, share)
    phi = np.divide(covariance, spread, out=np.zeros_like(covariance), where=spread > 0)
    np.fill_diagonal(phi, 0)
    return phi


def gnn_order(labels: Bits, seed: int = 0, *, threshold: float = 0.05, similar: float = 0.5) -> list[int]:
    """Return labels by ascending 0.6 x learnt score + 0.4 x PageRank, both standardised (Appendix L.3).

    A network over the graph of co-occurring labels (phi above `threshold`) embeds and scores them; edges lead from
    lower to higher scores where embeddings are alike (cosine above `similar`) or labels co-occur, with the weight
    0.7 x cosine + 0.3 x phi, at least 0. The paper leaves both thresholds and the training objective open.
    """
    from spectraflow.methods.symspectra.order_network import learnt_order_scores

    phi = phi_coefficients(labels)
    scores, cosine = learnt_order_scores(phi, entropies(labels), threshold=threshold, seed=seed)
    scores = _standardised(scores)
    leads = (scores[:, None] < scores[None, :]) & ((cosine > similar) | (phi > threshold))
    weights = np.where(leads, np.maximum(0, 0.7 * cosine + 0.3 * phi), 0)
    graph = nx.from_numpy_array(weights, create_using=nx.DiGraph)
    ranks = nx.pagerank(graph, alpha=0.85)
    importance = _standardised(np.array([ranks[k] for k in range(len(phi))]))
    return np.argsort(0.6 * scores + 0.4 * importance, kind="stable").tolist()


def _entropy(share: Numbers) -> Numbers:
    share = np.clip(share, 0, 1)
    logs = [part * np.log2(part, out=np.zeros_like(part), where=part > 0) for part in (share, 1 - share)]
    return -(logs[0] + logs[1]) + 0.0


def _by_breadth(tree: nx.Graph, start: int, entropy: Numbers) -> list[int]:
    def ascending(nodes: Sequence[int]) -> list[int]:
        return sorted(nodes, key=lambda node: (entropy[node], node))

    return [start, *(node for _, node in nx.bfs_edges(tree, start, sort_neighbors=ascending))]


def _standardised(values: Numbers) -> Numbers:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)
