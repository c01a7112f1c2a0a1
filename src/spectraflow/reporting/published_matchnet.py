"""Cells of the SpecMol-MatchNet paper: its words as settings and metrics of runs.

Open points of the paper are settled here. Its test sets are those of the parent method's public lists, where the
negatives of `Test_rand` are near neighbours and those of `Test_diff` the most dissimilar molecules: our sets `near` and
`diff`, or the lists themselves. A spectrum alone cannot tell right from wrong pairs there, so the backbones of Table 1
without a graph in their names stand for exchanged backbones beside the graph branch of GAT + ResNet-101.
"""

from collections.abc import Mapping
from typing import Any

from spectraflow.methods.matchnet.settings import MatchnetRun
from spectraflow.reporting.published_cells import Cells, Conditions, Near, PaperMapping
from spectraflow.settings import merge

TEST_SETS = {"Test_rand": ("near", "listed_rand"), "Test_diff": ("diff", "listed_diff")}
"""Our sets of the same negatives, and those the parent method lists."""

SCORES = ("auc", "precision", "recall", "f1", "accuracy")
COSTS = ("params_m", "ms_per_batch", "peak_memory_mb")
_MEASURED_COSTS = {"params_m": "parameters_m"}
VARIANTS: dict[str, tuple[str, str]] = {
    "A": ("gcn", "shared"),
    "B": ("multi_scale", "joint"),
    "C": ("hybrid", "shared"),
    "D": ("transformer", "joint"),
    "all": ("hybrid", "joint"),
}
"""Graph encoder and attention of the paper's ablations."""

_EXCHANGED = ("resnet50", "densenet121", "efficientnet_b0", "efficientnet_lite0", "tiny")
UNLIKE_ANY = "predicted by MestReNova"
"""The paper's data, which no data set here is: every answer names its own."""


def _model(graph: str, attention: str, backbone: Any) -> Conditions:
    return {
        "kind": "network",
        "network.spectra": "images",
        "network.graph": graph,
        "network.attention": attention,
        "network.backbone.name": backbone,
    }


_FULL = _model(*VARIANTS["all"], Near("resnet101", _EXCHANGED))
MODELS: dict[str, Conditions] = {
    "Ours": _FULL,
    **{name: _model(*parts, Near("resnet101", _EXCHANGED)) for name, parts in VARIANTS.items()},
    "GCN + ResNet-101": _model("parent_gcn", "parent", Near("resnet101", ("efficientnet_lite0", "tiny"))),
    "GAT + ResNet-101": _model("parent_gat", "parent", Near("resnet101", ("tiny",))),
    "ResNet-50": _model("parent_gat", "parent", "resnet50"),
    "DenseNet": _model("parent_gat", "parent", "densenet121"),
    "EfficientNet": _model("parent_gat", "parent", Near("efficientnet_b0", ("efficientnet_lite0",))),
}

_WHOLE: Conditions = {
    "permuted_labels": False,
    "network.blind": "none",
    "network.nuclei": frozenset({"1H", "13C"}),
    "network.root": True,
}
"""What holds for every cell: a control or an ablation of another kind never answers one."""

CELLS = (
    *(
        Cells(
            frozenset({"comparison", "ablation"}),
            tuple(f"matching/{name}/{score}" for name in names),
            score,
            having={"test": printed},
        )
        for printed, names in TEST_SETS.items()
        for score in SCORES
    ),
    *(Cells(frozenset({"cost"}), (f"cost/{_MEASURED_COSTS.get(name, name)}",), name) for name in COSTS),
)

_OF_GRAPH = {
    "network.heads": ("hybrid", "transformer"),
    "network.head_dim": ("hybrid", "transformer"),
    "network.root": ("hybrid", "transformer"),
    "network.fused": ("hybrid", "multi_scale"),
    "network.sage_activation": ("hybrid", "multi_scale"),
    "network.hidden": ("hybrid", "multi_scale", "transformer", "gcn", "parent_gat"),
}
_OF_ATTENTION = {
    "network.spatial_kernels": ("joint", "shared"),
    "network.channels": ("joint", "shared", "gate", "none"),
}
_WITHOUT_TRAINING = ("line_counts", "shift_model", "alignment_model")


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the paper's settings; whatever weights a backbone was given count as its pretrained ones."""
    weights = settings.get("network.backbone.weights") or "pretrained"
    data = {"dataset": UNLIKE_ANY, "split": settings.get("split"), "split_kind": "random"}
    return {**merge(MatchnetRun().model_dump(mode="json"), {"network": {"backbone": {"weights": weights}}}), **data}


def unused_settings(settings: Mapping[str, Any]) -> set[str]:
    """Return the settings (dotted) that decide nothing in a run with these, or only where it is tested besides."""
    kind = settings.get("kind")
    found = {"transfer"} | ({"trees"} if kind != "boosted_trees" else set())
    if kind != "network":
        found |= {key for key in settings if key.startswith("network.")}
        found |= {key for key in settings if key.startswith("training.") and kind in _WITHOUT_TRAINING}
        return found | {key for key in settings if key.startswith("rendering.") and kind in _WITHOUT_TRAINING}
    spectra, blind = settings.get("network.spectra"), settings.get("network.blind")
    found |= {key for key, graphs in _OF_GRAPH.items() if settings.get("network.graph") not in graphs}
    found |= {key for key, kinds in _OF_ATTENTION.items() if settings.get("network.attention") not in kinds}
    if spectra == "images" or blind == "spectra":
        found |= {"network.spectrum_dim"}
    if spectra != "images" or blind == "spectra":
        found |= {"network.attention", "network.spatial_kernels", "network.channels"}
        found |= {key for key in settings if key.startswith("network.backbone.")} | {"rendering.style"}
    if spectra == "peaks":
        found |= {key for key in settings if key.startswith("rendering.")}
    if settings.get("network.backbone.weights") is not None:
        found |= {"network.backbone.seed"}
    return found


def _assumed(_: Conditions) -> Conditions:
    return _WHOLE


MATCHNET = PaperMapping(
    method="matchnet",
    models=MODELS,
    keys={},
    cells=CELLS,
    defaults=_defaults,
    variants=("dataset", "split"),
    identity=("label", "fold", "training.seed"),
    assumed=_assumed,
    unused=unused_settings,
)
