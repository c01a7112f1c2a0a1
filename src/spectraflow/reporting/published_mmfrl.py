"""Cells of the MMFRL paper: its words as settings and metrics of runs.

Open points of the paper are settled here. Its splits are chemprop's shuffled scaffolds. Its row without pre-training
mixes numbers of several splits; our D-MPNN from scratch stands beside it all the same. The average over single
modalities is recomputed from the models it is of, split by split (`modality_averages`). Its target encoders are public
ones; those trained here from scratch stand in for them by name. Counts of tasks won and other authors' models that are
not rebuilt here are answered by no run.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.methods.mmfrl.settings import MODALITIES, WITHOUT_GRAPHS, PretrainingRun, PropertyRun
from spectraflow.reporting.published_cells import Cells, Conditions, Near, PaperMapping
from spectraflow.settings import merge

AVERAGED = "average of single modalities"
"""The setting `modalities` of an average over the models of all single modalities."""

PROTOCOLS = {
    "scaffold_balanced": "shuffled scaffolds, as published",
    "scaffold_deterministic": "largest scaffolds first, another split than the published one",
}
CLEANINGS = {"paper": "every row kept", "strict": "equal molecules merged"}
SELECTIONS = {"best_val": "epoch chosen on val", "last": "last epoch"}


def _single(modality: str) -> Conditions:
    return {"kind": "dmpnn", "modalities": frozenset({modality})}


_SCRATCH: Conditions = {"kind": Near("dmpnn", ("chemprop",)), "modalities": frozenset()}
_AVERAGE: Conditions = {"kind": "dmpnn", "modalities": AVERAGED}
MODELS: dict[str, Conditions] = {
    "SMILES": _single("smiles"),
    "NMR spectrum": _single("nmr"),
    "Image": _single("image"),
    "Fingerprint": _single("fingerprint"),
    "NMR peak": _single("peak"),
    "Average": _AVERAGE,
    "MMFRL average": _AVERAGE,
    "No Pre-training": _SCRATCH,
    "DMPNN": _SCRATCH,
    "AttentiveFP": {"kind": "attentivefp"},
    "MMFRL early": _single("early"),
    "MMFRL intermediate": {"kind": "intermediate", "modalities": frozenset(MODALITIES)},
    "MMFRL late": {
        "kind": "late",
        "modalities": frozenset(MODALITIES),
        "coefficients": Near("none", ("softmax",)),
    },
}

CELLS = tuple(
    Cells(frozenset({"pretraining_modality", "comparison", "fusion"}), (f"property/{score}",), score)
    for score in ("auc", "rmse")
)

_PAPER = {"training": {"schedule": "noam"}}
_SOURCES = {"smiles": "cress", "nmr": "cress", "image": "img2mol"}
_OF_SCHEDULE = {
    "training.milestones": "milestones",
    "training.warmup_steps": "inverse_root",
    "training.plateau_patience": "plateau",
}


def restated(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the list of pre-trained encoders as `modalities` and what these encoders have in common.

    What encoders of one model differ in besides is the list of its values.
    """
    encoders = settings.get("pretraining") or []
    found = {key: value for key, value in settings.items() if key != "pretraining"}
    found["modalities"] = [one["modality"] for one in encoders]
    if encoders:
        found["pretraining"] = {key: _common([one.get(key) for one in encoders]) for key in encoders[0]}
        del found["pretraining"]["modality"]
    return found


def _common(values: Sequence[Any]) -> Any:
    return values[0] if all(one == values[0] for one in values) else list(values)


def _learned_from(settings: Mapping[str, Any]) -> set[str]:
    """Return the modalities whose targets a model with these (restated, dotted) settings learned from."""
    modalities = settings.get("modalities") or []
    if modalities == AVERAGED:
        return set(MODALITIES)
    named = set(modalities) - {"early"}
    prefix = "pretraining.weights."
    mixed = {key.removeprefix(prefix) for key in settings if key.startswith(prefix)}
    return named | mixed if _early(settings) else named


def _early(settings: Mapping[str, Any]) -> bool:
    return "early" in (settings.get("modalities") or [])


def _defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the paper's settings of a model; its targets come from public encoders."""
    whole = merge(PropertyRun().model_dump(mode="json"), _PAPER)
    pretraining = PretrainingRun().model_dump(mode="json")
    source = settings.get("pretraining.targets.source")
    wanted = {_SOURCES[name] for name in _learned_from(settings) & _SOURCES.keys()}
    pretraining["targets"] |= {"source": source if wanted in (set(), {source}) else "published"}
    known = {key: settings.get(key) for key in ("kind", "task", "modalities")}
    return {**whole, **known, "pretraining": pretraining}


def unused_settings(settings: Mapping[str, Any]) -> set[str]:
    """Return the settings (restated, dotted) that decide nothing in a run with these."""
    kind, modalities = settings.get("kind"), settings.get("modalities") or []
    found = {key for key, name in _OF_SCHEDULE.items() if settings.get("training.schedule") != name}
    if kind in WITHOUT_GRAPHS:
        found |= {key for key in settings if key.startswith(("encoder.", "training."))}
        found |= {"encoders", "head", "coefficients", "selection"}
    if kind not in (*WITHOUT_GRAPHS, "attentivefp") or kind == "mean":
        found |= {key for key in settings if key.startswith("baseline.")}
    if kind == "attentivefp":
        found |= {"head", "baseline.bits", "baseline.trees", "baseline.rounds"}
    if modalities:
        found |= {"encoders"} | {key for key in settings if key.startswith("encoder.")}
    if kind != "late":
        found |= {"coefficients"}
    return found | _unused_in_pretraining(settings)


def _unused_in_pretraining(settings: Mapping[str, Any]) -> set[str]:
    learned = _learned_from(settings)
    found = set() if _early(settings) else {key for key in settings if key.startswith("pretraining.weights")}
    if "peak" not in learned or settings.get("pretraining.loss.peak_kernel") != "laplace":
        found |= {"pretraining.loss.peak_scale"}
    if "peak" not in learned:
        found |= {"pretraining.loss.peak_kernel"}
    if settings.get("pretraining.loss.tau_target") != "auto":
        found |= {"pretraining.loss.effective_neighbours"}
    for name in _SOURCES.keys() - (learned if settings.get("pretraining.targets.source") == "project" else set()):
        found |= {key for key in settings if key.startswith(f"pretraining.targets.{name}.")}
    schedule = settings.get("pretraining.training.schedule")
    return found | {f"pretraining.{key}" for key, name in _OF_SCHEDULE.items() if schedule != name}


def fit_budget(settings: Mapping[str, Any]) -> list[str]:
    """Return in words where the fit of a run with these (restated, dotted) settings costs less than the paper's."""
    paper = PropertyRun().training.epochs
    molecules, epochs = settings.get("molecules"), settings.get("training.epochs")
    found = [] if molecules is None else [f"at most {molecules:,} training molecules"]
    if settings.get("kind") not in WITHOUT_GRAPHS and isinstance(epochs, int) and epochs < paper:
        found.append(f"at most {epochs} epochs instead of {paper}")
    return found


def pretraining_budget(settings: Mapping[str, Any]) -> list[str]:
    """Return in words where the pre-training behind a run with these settings costs less than the paper's.

    Of published encoders the settings of a fit decide nothing.
    """
    if settings.get("pretraining.released") or "pretraining.released.sha256" in settings:
        return []
    paper = PretrainingRun().training.epochs
    limit, epochs = settings.get("pretraining.molecules"), settings.get("pretraining.training.epochs")
    found = [] if limit is None else [f"pre-trained on at most {limit:,} molecules"]
    if isinstance(epochs, int) and epochs < paper:
        found.append(f"pre-trained for at most {epochs} epochs instead of {paper}")
    return found


def protocol_words(settings: Mapping[str, Any]) -> str:
    """Return the split, the chosen epoch and what was saved on, in words."""
    protocol, cleaning = str(settings.get("protocol")), str(settings.get("cleaning"))
    words = [PROTOCOLS.get(protocol, protocol)]
    words += [] if cleaning == "paper" else [CLEANINGS.get(cleaning, cleaning)]
    if settings.get("kind") not in WITHOUT_GRAPHS:
        words.append(SELECTIONS.get(str(settings.get("selection")), str(settings.get("selection"))))
    budget = fit_budget(settings) + pretraining_budget(settings)
    return "; ".join(words + ([f"reduced: {', '.join(budget)}"] if budget else []))


MMFRL = PaperMapping(
    method="mmfrl",
    models=MODELS,
    keys={},
    words={"dataset": lambda value, _: {"task": value.lower()}},
    cells=CELLS,
    defaults=_defaults,
    variants=("cleaning", "protocol"),
    identity=("label", "split_seed", "training.seed"),
    unused=unused_settings,
    restated=restated,
    protocol=protocol_words,
)
