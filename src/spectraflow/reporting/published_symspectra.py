"""Cells of the SymSpectra paper: its words as settings and metrics of runs.

Open points of the paper are settled here: F1 without a name is micro-F1 (its tiers rule out any other); the one
scaffold-cluster number and the data set of Table 10 are those of all modalities; Table 11 adds modalities in the order
IR, 1H, 13C, MSMSpos, MSMSneg. SDBS cannot be shared, so the open experimental set may stand in for it, by name.
"""

from collections.abc import Mapping
from itertools import product
from typing import Any

from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.reporting.published_cells import Cells, Conditions, Near, Not, PaperMapping
from spectraflow.settings import merge

NORMALITY_SIZES = (50, 200, 1000)
_FULL = {"kind": "symspectra"}
_CNN_HEAD = {**_FULL, "network.decoder": "none", "network.order": Not(())}
MODELS: dict[str, Conditions] = {
    "SymSpectra": _FULL,
    "1D-CNN": {"kind": "cnn"},
    "Transformer": {"kind": "transformer"},
    "Wu et al.": {"kind": "patch_transformer"},
    "Alberts et al.": {"kind": "multimodal_transformer"},
    "XGBoost": {"kind": "xgboost"},
    "- Dynamic Weight": {
        **_FULL,
        "objective.sample_scale": 0.0,
        "objective.feature_scale": 0.0,
        "network.auxiliary": Near("none", ("heads", "shared_masked")),
    },
    "- SCIB Compression": {**_FULL, "network.gate": "off", "objective.beta": 0.0},
    "- LSTM Decoder": _CNN_HEAD,
    "CNN": _CNN_HEAD,
    "Shapiro-Wilk": _FULL,
    "Kolmogorov-Smirnov": _FULL,
    "functional groups": _FULL,
}
_WHOLE: Conditions = {
    "permuted": False,
    "pretrained": None,
    "imbalance.strategy": "none",
    "augmentation.kind": "none",
    "subsample.group": None,
    "split_kind": Not(("scaffold_clusters",)),
}
"""What holds for every cell that does not say otherwise: a control or an experiment never answers a plain cell."""

_PLAIN_SYMSPECTRA: Conditions = {
    "network.attention": True,
    "network.gate": Near("soft", ("hard_st",)),
    "network.prior": "gaussian",
    "network.auxiliary": Near("heads", ("shared_masked",)),
    "network.decoder": "lstm",
    "network.order": "iupac",
    "objective.beta": Not((0.0,)),
    "objective.sample_scale": Not((0.0,)),
    "objective.feature_scale": Not((0.0,)),
    "objective.aux_encoder_grad": 0.0,
}

_RESAMPLED = {"13C": ("13C_max", "13C_area"), "1H": ("1H_max", "1H_area")}
_ADDED = ("IR", "1H", "13C", "MSMSpos", "MSMSneg")


def _modalities(printed: tuple[str, ...]) -> Near:
    """Return a set of spectra in any order: experimental 1H may show acids, long spectra be resampled otherwise."""
    wide = printed != ("IR", "13C", "1H") and not set(printed) & {"IR", "MSMSpos", "MSMSneg"}
    same = [(name, "1H_wide") if wide and name == "1H" else (name,) for name in printed]
    other = [(*names, *_RESAMPLED.get(names[0], ())) for names in same]
    return Near(tuple(map(frozenset, product(*same))), tuple(map(frozenset, product(*other))))


def _data(value: str, _: Mapping[str, str]) -> Conditions:
    return {"dataset": Near("sdbs", ("open_exp",)) if value == "sdbs" else value}


_IR_NMR = {"dataset": "alberts", "modalities": _modalities(("IR", "13C", "1H"))}
_MS_NMR = {"modalities": _modalities(("MS", "13C", "1H"))}
_ANY_ALL = {
    "dataset": Not(()),
    "modalities": (_modalities(("IR", "13C", "1H")), _modalities(("MS", "13C", "1H"))),
    "split_kind": "scaffold_clusters",
}
_STRATEGIES = {
    "Original": "none",
    "Focal Loss": "focal",
    "Oversampling": "mlsmote",
    "Class Reweighting": "inverse_frequency",
}
_ORDERS = {"IUPAC": "iupac", "Mutual Info": "mutual_information", "GNN": "gnn"}
_AUGMENTATIONS = {
    "none": "none",
    "horizontal shift": "horizontal",
    "vertical noise": "vertical",
    "gaussian smoothing": "smoothing",
    "linear combination": "combination",
}

_MICRO = ("groups/micro_f1",)
CELLS = (
    Cells(frozenset({"comparison", "augmentation"}), _MICRO, "micro_f1"),
    Cells(
        frozenset({"imbalance", "penalty", "prior", "decoder", "resources", "modalities"}),
        _MICRO,
        "micro_f1",
        assumed={"": _IR_NMR},
    ),
    Cells(
        frozenset({"imbalance"}),
        _MICRO,
        "p_value",
        assumed={"": _IR_NMR},
        against="SymSpectra",
        against_setting={"strategy": "Original"},
    ),
    Cells(frozenset({"decoder"}), ("groups/exact_match",), assumed={"": _IR_NMR}),
    Cells(frozenset({"components"}), ("groups/tier/{tier}/f1",), "macro_f1", assumed={"": _IR_NMR}),
    Cells(frozenset({"label_order"}), ("groups/label/{group}/f1",), "f1", assumed={"": _IR_NMR}),
    Cells(frozenset({"split"}), _MICRO, "f1", assumed={"": _ANY_ALL}),
    Cells(frozenset({"missing_modality"}), ("examined/missing/{missing}/micro_f1",), "micro_f1", assumed={"": _MS_NMR}),
    Cells(frozenset({"noise"}), ("examined/noise/{noise}/micro_f1",), "micro_f1"),
    Cells(frozenset({"resources", "modalities"}), ("cost/hours",), "hours", assumed={"": _IR_NMR}),
    Cells(frozenset({"resources", "modalities"}), ("cost/gb",), "gb", assumed={"": _IR_NMR}),
    Cells(frozenset({"dataset"}), ("tier_groups/{tier}",), "n_groups", assumed={"": _IR_NMR}, prose=True),
    *(
        Cells(
            frozenset({"normality"}),
            tuple(f"examined/normality/{{modality}}/{size}/{test}_median_p" for size in NORMALITY_SIZES),
            "p_value",
            assumed={"": _IR_NMR},
            methods=frozenset({method}),
        )
        for method, test in (("Shapiro-Wilk", "shapiro"), ("Kolmogorov-Smirnov", "ks"))
    ),
)

_RECIPES: dict[str, Mapping[str, Any]] = {
    "cnn": {
        "baseline": {"dropout": 0.486},
        "training": {
            "epochs": 41,
            "batch_size": 41,
            "learning_rate": 2.5e-4,
            "schedule": "milestones",
            "milestones": [31, 37],
            "gradient_clip": None,
        },
    },
    "patch_transformer": {
        "training": {"epochs": 200, "learning_rate": 8.07e-4, "schedule": "inverse_root", "warmup_steps": 3000}
    },
    "multimodal_transformer": {
        "baseline": {"layers": 6, "patch": 75},
        "training": {"epochs": 60, "batch_size": 512, "learning_rate": 1e-3, "weight_decay": 0.01},
    },
    "transformer": {"training": {"learning_rate": 9.88e-4, "schedule": "inverse_root", "warmup_steps": 8000}},
}
"""How the authors of the baselines trained them; the full rates of Noam's schedules are its factor over the root of
width times warm-up."""

_TREES = frozenset({"baseline.trees", "baseline.depth"})
_ENCODER = frozenset(f"baseline.{name}" for name in ("dim", "heads", "feedforward", "layers", "dropout"))
_BASELINE_KEYS: dict[str, frozenset[str]] = {
    "cnn": frozenset({"baseline.filters", "baseline.dense", "baseline.dropout"}),
    "transformer": _ENCODER | {"baseline.label_smoothing"},
    "patch_transformer": _ENCODER | {"baseline.patch"},
    "multimodal_transformer": _ENCODER | {"baseline.patch"},
    "xgboost": _TREES,
    "commonest": frozenset({"baseline.commonest"}),
}
_OF_STRATEGY = {"imbalance.neighbours": "mlsmote", "imbalance.share": "mlsmote", "imbalance.cap": "inverse_frequency"}
_OF_SCHEDULE = {
    "training.milestones": "milestones",
    "training.warmup_steps": "inverse_root",
    "training.plateau_patience": "plateau",
}


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    recipe = _RECIPES.get(str(settings.get("kind")), {})
    return {**merge(SymspectraRun().model_dump(), recipe), "split_kind": "random"}


def unused_settings(settings: Mapping[str, Any]) -> set[str]:
    """Return the settings (dotted) that decide nothing in a run with these."""
    kind, used = settings.get("kind"), _BASELINE_KEYS.get(str(settings.get("kind")), frozenset())
    found = {key for key in settings if key.startswith("baseline.") and key not in used}
    if kind != "symspectra":
        found |= {key for key in settings if key.startswith(("network.", "objective."))}
    if kind in ("xgboost", "commonest"):
        found |= {key for key in settings if key.startswith("training.") and key != "training.seed"}
    found |= {key for key, name in _OF_STRATEGY.items() if settings.get("imbalance.strategy") != name}
    found |= {"imbalance.gamma"} if settings.get("imbalance.strategy") != "focal" else set()
    found |= {key for key, name in _OF_SCHEDULE.items() if settings.get("training.schedule") != name}
    if settings.get("network.order") not in ("random", "gnn") or settings.get("network.decoder") == "none":
        found |= {"network.order_seed"}
    if settings.get("network.decoder") == "none":
        found |= {"network.order"} | {key for key in settings if key.startswith("network.decoder_")}
    if set(settings.get("required") or []) <= set(settings.get("modalities") or []):
        found |= {"required"}
    return found


def _assumed(model: Conditions) -> Conditions:
    return {**_WHOLE, **(_PLAIN_SYMSPECTRA if model["kind"] == "symspectra" else {})}


SYMSPECTRA = PaperMapping(
    method="symspectra",
    models=MODELS,
    keys={},
    words={
        "modalities": lambda value, _: {"modalities": _modalities(tuple(value.split("+")))},
        "n_modalities": lambda value, _: {"modalities": _modalities(_ADDED[: int(value)])},
        "data": _data,
        "strategy": lambda value, _: {"imbalance.strategy": _STRATEGIES[value]},
        "order": lambda value, _: {"network.order": _ORDERS[value]} if value in _ORDERS else {},
        "decoder": lambda value, _: {"network.decoder": value.lower()},
        "prior": lambda value, _: {"network.prior": value},
        "lambda": lambda value, _: {"objective.aux_encoder_grad": -float(value)},
        "augmentation": lambda value, _: {"augmentation.kind": _AUGMENTATIONS[value]},
    },
    cells=CELLS,
    defaults=_defaults,
    variants=("dataset", "split", "required", "missing"),
    identity=("label", "fold", "training.seed"),
    assumed=_assumed,
    unused=unused_settings,
)
