"""Words for the page: names of metrics, of settings in which runs differ, numbers with their intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

from spectraflow.reporting.experiments import flatten
from spectraflow.reporting.matching_labels import matching_metric_name
from spectraflow.reporting.property_labels import property_metric_name
from spectraflow.reporting.runs import Measured, Run

METRIC_NAMES = {
    "in_batch/spectrum_to_molecule": "spectrum → molecule, first of a batch",
    "in_batch/molecule_to_spectrum": "molecule → spectrum, first of a batch",
    "in_batch/chance": "first of a batch by chance",
    "atom/published": "atoms, published metric",
    "atom/published_transposed": "atoms, published metric, carbons → peaks",
    "atom/published_several_carbons": "atoms, without one-carbon molecules",
    "atom/argmax": "atoms, plain argmax",
    "atom/hungarian": "atoms, one-to-one",
    "atom/hungarian_distinct": "atoms, one-to-one on distinct peaks",
    "atom/chance_uniform": "atoms by chance",
    "atom/chance_multiplicity": "atoms by chance within CHn class",
    "atom/ppm_error": "mean |Δ shift| of the assignment, ppm",
    "shift/mae_13C": "mean error of predicted ¹³C shifts, ppm",
    "shift/covered_50_13C": "¹³C shifts within their 50 % intervals",
    "shift/covered_90_13C": "¹³C shifts within their 90 % intervals",
}
_GROUP_SCORES = {
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1, all groups",
    "macro_f1_present": "macro-F1, groups present",
    "exact_match": "every group right",
    "violations": "molecules with an implausible set",
    "violations_stated": "implications broken",
    "f1": "F1",
}
_TIERS = {"low": "rare groups", "medium": "medium groups", "high": "frequent groups"}
_NORMALITY = {
    "shapiro_median_p": "Shapiro–Wilk",
    "ks_median_p": "Kolmogorov–Smirnov",
    "lilliefors_median_p": "Lilliefors",
}
READINGS = {"head": "by predicted shifts", "joint": "by alignment and predicted shifts together"}
"""Suffixes of `atom` and `exact` in metrics that read the assignment in other ways than by the alignment alone."""
_SHORT_NAMES = {
    "in_batch/spectrum_to_molecule": "spectrum → molecule",
    "in_batch/molecule_to_spectrum": "molecule → spectrum",
    "atom/published": "published metric",
}
_ASSIGNMENTS = {"published": "published metric", "argmax": "argmax", "hungarian": "one-to-one"}
_ISOMER_GROUPS = {
    "fold": "held-out molecules alone",
    "listed": "all listed molecules",
    "published": "published formulas",
}
_ISOMER_FIGURES = {
    "rank1": "rank 1",
    "one_to_one": "one-to-one",
    "rank1_among_unseen": "rank 1 among molecules not trained on",
    "rank1_among_seen": "rank 1 among molecules trained on",
    "ceiling_without_stereo": "best without stereo",
    "chance": "by chance",
}
_SHORT_SETTINGS = {
    "objective.alpha": "α",
    "objective.discrimination": "discrimination",
    "objective.threshold_ppm": "threshold",
    "objective.tau1": "τ1",
    "objective.tau2": "τ2",
    "model.communication": "communication",
    "objective.kernel": "kernel",
    "objective.sigma_ppm": "σ, ppm",
    "objective.scope": "scope",
    "objective.row_normalise": "rows sum to 1",
    "model.layers": "depth",
    "model.dim": "width",
    "model.projection": "projection",
    "model.ppm_scale": "shift",
    "model.shift_head": "shift head",
    "objective.shift_weight": "weight of shifts",
    "spectrum_encoder.mode": "spectrum encoder",
    "kind": "model",
    "modalities": "spectra",
    "subsample.group": "fewer",
    "subsample.kept": "share kept",
    "augmentation.kind": "augmentation",
    "imbalance.strategy": "imbalance",
    "objective.beta": "β",
    "objective.sample_scale": "s1",
    "objective.feature_scale": "s2",
    "objective.aux_encoder_grad": "auxiliary gradient",
    "network.order": "order",
    "network.order_seed": "order seed",
    "network.decoder": "decoder",
    "network.prior": "prior",
    "network.gate": "gate",
    "network.auxiliary": "auxiliary",
    "network.attention": "attention",
    "network.graph": "graph",
    "network.spectra": "spectra as",
    "network.blind": "blind to",
    "network.nuclei": "nuclei",
    "network.spectra_norm": "norm of the spectra",
    "network.backbone.name": "backbone",
    "network.backbone.weights": "weights",
    "network.backbone.components": "components",
    "permuted_labels": "permuted labels",
    "transfer": "also tested on",
}
_WORDS = {
    "objective.discrimination": {"knowledge": "K-ID", "strong": "SP-ID", "weak": "WP-ID", "soft": "soft kernel"},
    "model.communication": {"True": "with communication", "False": "no communication"},
    "model.shift_head": {"True": "with shift head", "False": "no shift head"},
}
_REPETITION = ("fold", "training.seed", "spectrum_encoder.training.seed")


def carbon_words(carbons: str) -> str:
    """Return a size class such as `<=10` as it is printed."""
    return carbons.replace("<=", "≤ ").replace("<", "< ").replace(">", "> ").replace("-", "–")


def _bin_words(metric: str) -> str:
    worded = " (bins as worded)" if "/worded/" in metric else ""
    return f"{carbon_words(metric.rsplit('/', 1)[1])} C{worded}"


def metric_name(metric: str) -> str:
    """Return a metric's name in words."""
    family, _, rest = metric.partition("/")
    base, _, reading = family.partition("_")
    if base in ("atom", "exact") and reading in READINGS:
        return f"{metric_name(f'{base}/{rest}')}, {READINGS[reading]}"
    match metric.split("/"):
        case ["exact", assignment, *_]:
            return f"every peak right, {_bin_words(metric)}, {_ASSIGNMENTS.get(assignment, assignment)}"
        case ["isomers", which, figure]:
            return f"isomers, {_ISOMER_GROUPS.get(which, which)}: {_ISOMER_FIGURES.get(figure, figure)}"
        case ["retrieval", size, k]:
            return f"truth among the first {k} of {int(size):,}"
        case ["whole_retrieval", k]:
            return f"truth among the first {k} of the whole library"
    known = _group_metric_name(metric) or matching_metric_name(metric) or property_metric_name(metric)
    return known or METRIC_NAMES.get(metric, metric.replace("/", ", ").replace("_", " "))


def _group_metric_name(metric: str) -> str | None:
    """Return the name of a number about functional groups, None for any other."""
    match metric.split("/"):
        case ["tuned", *rest]:
            return f"{_group_metric_name('/'.join(rest))}, thresholds tuned on val"
        case ["welch_p", *rest]:
            return f"p of Welch's test, {_group_metric_name('/'.join(rest))}"
        case ["groups", score]:
            return _GROUP_SCORES.get(score)
        case ["groups", "tier", tier, score]:
            return f"mean {_GROUP_SCORES.get(score, score)}, {_TIERS.get(tier, tier)}"
        case ["groups", "label", group, score]:
            return f"{group}, {_GROUP_SCORES.get(score, score)}"
        case ["groups", "count", count, score]:
            return f"molecules of {count} groups, {_GROUP_SCORES.get(score, score)}"
        case ["examined", "missing", name, score]:
            held = "all spectra" if name == "none" else f"without {name}"
            return f"{held}, {_GROUP_SCORES.get(score, score)}"
        case ["examined", "noise", sigma, score]:
            return f"noise of {sigma}, {_GROUP_SCORES.get(score, score)}"
        case ["examined", "normality", name, molecules, test]:
            return f"{name}, median p of {_NORMALITY.get(test, test)}, {molecules} molecules"
        case ["tier_groups", tier]:
            return f"number of {_TIERS.get(tier, tier)}"
        case ["cost", "hours"]:
            return "training time"
        case ["cost", "gb"]:
            return "memory"
    return None


def short_metric_name(metric: str) -> str:
    """Return a metric's name for a table that is about its family of metrics."""
    match metric.split("/"):
        case ["isomers", _, figure]:
            return _ISOMER_FIGURES.get(figure, figure)
        case ["retrieval", size, k]:
            return f"hit@{k} of {int(size):,}"
        case ["exact", _, "worded", carbons]:
            return f"{carbon_words(carbons)} C (as worded)"
        case ["exact", _, carbons]:
            return f"{carbon_words(carbons)} C (as counted)"
    return _SHORT_NAMES.get(metric, metric_name(metric))


def setting_name(key: str) -> str:
    """Return a dotted setting's short name."""
    return _SHORT_SETTINGS.get(key, key)


def setting_value(key: str, value: Any) -> str:
    """Return a setting's value in words."""
    return _WORDS.get(key, {}).get(str(value)) or plain(value)


def _setting(key: str, value: Any) -> str:
    shown = " + ".join(map(str, value)) if isinstance(value, list) else value
    return _WORDS.get(key, {}).get(str(value)) or f"{setting_name(key)} {shown}"


def _differing(runs: Sequence[Run], ignored: set[str]) -> list[str]:
    """Return the settings in which the runs differ, folds and seeds last."""
    flat = [flatten(run.settings) for run in runs]
    keys = list(dict.fromkeys(key for settings in flat for key in settings if key not in ignored))
    differing = [key for key in keys if len({str(settings.get(key)) for settings in flat}) > 1]
    return sorted(differing, key=lambda key: key in _REPETITION)


def run_names(runs: Sequence[Run], *, repetitions: bool = True) -> dict[str, str]:
    """Return a name for every run id: its label and the settings in which runs of that label differ.

    Without `repetitions`, runs that differ in fold and seed alone share a name; with them every name is distinct.
    """
    ignored = {"label"} if repetitions else {"label", *_REPETITION}
    labels = {run.label for run in runs}
    differing = {label: _differing([run for run in runs if run.label == label], ignored) for label in labels}
    names: dict[str, str] = {}
    for run in runs:
        settings = flatten(run.settings)
        parts = [_setting(key, settings[key]) for key in differing[run.label] if key in settings]
        name = ", ".join([run.label, *parts[:5]])
        taken = repetitions and name in names.values()
        names[run.run_id] = f"{name} ({run.run_id[:6]})" if taken else name
    return names


def percent(value: float | None, digits: int = 1) -> str:
    """Return a fraction as percent, a dash if there is none."""
    return "–" if value is None else f"{100 * value:.{digits}f}"


def with_interval(measured: Measured | None, scale: float = 100, digits: int = 1) -> str:
    """Return a number with its interval, as `94.7 [94.1, 95.2]`."""
    if measured is None:
        return "–"
    text = f"{scale * measured.value:.{digits}f}"
    if measured.low is None or measured.high is None or measured.low == measured.high:
        return text
    return f"{text} [{scale * measured.low:.{digits}f}, {scale * measured.high:.{digits}f}]"


def plain(value: Any) -> str:
    """Return a JSON value as text: integers with thousands separators, lists joined."""
    match value:
        case bool() | None:
            return {True: "yes", False: "no", None: "–"}[value]
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.4g}"
        case Mapping():
            return ", ".join(f"{name}: {plain(inner)}" for name, inner in value.items()) or "–"
        case list() | tuple():
            return ", ".join(plain(inner) for inner in value) or "–"
    return str(value)
