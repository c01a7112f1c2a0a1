"""Cells of the K-M3AID papers: their words as settings and metrics of runs."""

from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.reporting.published_cells import Cells, Conditions, PaperMapping

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

KM3AID = PaperMapping(
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
    defaults=lambda settings: Km3aidRun.model_validate({}).model_dump(),
    variants=("molecules", "computed_spectra", "split", "selection"),
    identity=("label", "fold", "training.seed", "spectrum_encoder.training.seed"),
)
