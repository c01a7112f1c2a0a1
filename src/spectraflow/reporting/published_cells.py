"""Which published cells a run can answer: the mapping from the words of each paper to settings and metrics.

A later method adds a `PaperMapping` to `MAPPINGS`; nothing else has to know about it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spectraflow.methods.km3aid.settings import Km3aidRun

Conditions = Mapping[str, Any]
"""Dotted key of a run's settings to the value it must have, or to a tuple of acceptable values."""


@dataclass(frozen=True)
class Cells:
    """A family of published cells: those of `experiments` whose setting holds `having`, answered by `metrics`.

    metrics: names of measured numbers, with places for keys of the published setting, as ``retrieval/{library}/{k}``.
    assumed: conditions where the paper prints no value, by method, or for every other method under ``""``.
    prose: whether the cells stand in the text instead of a table.
    """

    experiments: frozenset[str]
    metrics: tuple[str, ...]
    metric: str = "accuracy"
    having: Mapping[str, str] | None = None
    assumed: Mapping[str, Conditions] | None = None
    prose: bool = False


@dataclass(frozen=True)
class PaperMapping:
    """How one paper's cells read: its method, the models it names, its setting keys and its families of cells.

    variants: dotted settings that change the protocol or the data rather than the model; runs that differ in them
    stand side by side. identity: settings that only tell repetitions of one experiment apart.
    """

    method: str
    models: Mapping[str, Conditions]
    keys: Mapping[str, str]
    cells: tuple[Cells, ...]
    defaults: Callable[[], dict[str, Any]]
    variants: tuple[str, ...]
    identity: tuple[str, ...]


_KNOWLEDGE = {"objective.discrimination": "knowledge", "model.communication": True}
_STRONG = {"objective.discrimination": "strong", "model.communication": True}
_WEAK = {"objective.discrimination": "weak", "model.communication": True}
_SEPARATE = {"objective.discrimination": "knowledge", "model.communication": False}
_PRINTED_ALPHAS = {"objective.alpha": (0.2, 0.5)}
_ALPHA_02 = {"objective.alpha": 0.2}
_TAUS = {"objective.tau1": 1e-5, "objective.tau2": 10.0}
_IN_BATCH = ("in_batch/spectrum_to_molecule", "in_batch/molecule_to_spectrum")

_KM3AID_MODELS: dict[str, Conditions] = {
    "K-M3AID": _KNOWLEDGE,
    "K-ID": _KNOWLEDGE,
    "Knowledge Guide": _KNOWLEDGE,
    "SP-ID": _STRONG,
    "WP-ID": _WEAK,
    "No Comm.": _SEPARATE,
    "No communication": _SEPARATE,
}

# Published notes: Table 1 of the arXiv version pairs the graph value of alpha 0.5 with the node value of alpha 0.2;
# SP-ID and WP-ID are at 0.2; without communication alpha weighs two separate networks and decides nothing.
_ALPHA_OF_GRAPH = {
    "K-M3AID": {**_TAUS, "objective.alpha": 0.5},
    "K-ID": {**_TAUS, **_ALPHA_02},
    "No Comm.": _TAUS,
    "": _ALPHA_02,
}
_ALPHA_OF_NODE = {**_ALPHA_OF_GRAPH, "K-M3AID": {**_TAUS, **_ALPHA_02}}
# Retrieval and assignment print no alpha: either of the paper's two models may stand beside them.
_ALPHA_NOT_PRINTED = {"": _PRINTED_ALPHAS, "No Comm.": {}, "No communication": {}}
_TAU_GRID = {"": {"objective.alpha": 0.5}}

_KM3AID_CELLS = (
    Cells(frozenset({"alpha_ablation", "validation"}), _IN_BATCH, having={"level": "graph"}, assumed=_ALPHA_OF_GRAPH),
    Cells(
        frozenset({"alpha_ablation", "validation"}),
        ("atom/published",),
        having={"level": "node"},
        assumed=_ALPHA_OF_NODE,
    ),
    Cells(frozenset({"tau_ablation"}), _IN_BATCH[:1], having={"level": "graph"}, assumed=_TAU_GRID),
    Cells(frozenset({"tau_ablation"}), ("atom/published",), having={"level": "node"}, assumed=_TAU_GRID),
    Cells(frozenset({"gin_ablation"}), ("atom/published",), assumed={"": {**_TAUS, **_PRINTED_ALPHAS}}),
    Cells(
        frozenset({"isomers"}), ("isomers/{formula}/rank1", "isomers/{formula}/one_to_one"), assumed=_ALPHA_NOT_PRINTED
    ),
    Cells(
        frozenset({"isomers"}),
        ("isomers/published/rank1", "isomers/published/one_to_one"),
        having={"formula": "all"},
        assumed=_ALPHA_NOT_PRINTED,
        prose=True,
    ),
    Cells(frozenset({"retrieval"}), ("retrieval/{library}/{k}",), assumed=_ALPHA_NOT_PRINTED),
    *(
        Cells(
            frozenset({"assignment"}),
            (f"exact/published/{counted}", f"exact/published/worded/{worded}"),
            metric="exact_molecule_rate",
            having={"carbons": carbons},
            assumed=_ALPHA_NOT_PRINTED,
            prose=True,
        )
        for carbons, counted, worded in (("lt10", "<=10", "<10"), ("10-20", "11-20", "10-20"), ("gt20", ">20", ">20"))
    ),
)

_KM3AID = PaperMapping(
    method="km3aid",
    models=_KM3AID_MODELS,
    keys={
        "alpha": "objective.alpha",
        "th": "objective.threshold_ppm",
        "tau1": "objective.tau1",
        "tau2": "objective.tau2",
        "depth": "model.layers",
        "emb": "model.dim",
        "proj": "model.projection",
    },
    cells=_KM3AID_CELLS,
    defaults=lambda: Km3aidRun.model_validate({}).model_dump(),
    variants=("molecules", "computed_spectra", "split", "selection"),
    identity=("label", "fold", "training.seed", "spectrum_encoder.training.seed"),
)

MAPPINGS: dict[str, PaperMapping] = {"km3aid-arxiv": _KM3AID, "km3aid-iclr": _KM3AID}
