"""Words for tasks, models and scores of MoleculeNet."""

TASKS = {
    "bbbp": "BBBP",
    "bace": "BACE",
    "sider": "SIDER",
    "clintox": "ClinTox",
    "hiv": "HIV",
    "muv": "MUV",
    "tox21": "Tox21",
    "toxcast": "ToxCast",
    "esol": "ESOL",
    "freesolv": "FreeSolv",
    "lipo": "Lipo",
}
"""Tasks as they are printed, in the order of tables."""

UNITS = {"esol": "log mol/L", "freesolv": "kcal/mol", "lipo": "log D"}
KINDS = {
    "dmpnn": "D-MPNN",
    "intermediate": "intermediate fusion",
    "late": "late fusion",
    "forest": "random forest on ECFP4",
    "boosting": "boosted trees on ECFP4",
    "chemprop": "chemprop's own D-MPNN",
    "attentivefp": "AttentiveFP",
    "mean": "mean of the training part: nothing learned",
}
MODALITIES = {
    "smiles": "SMILES",
    "image": "image",
    "nmr": "NMR spectrum",
    "fingerprint": "fingerprint",
    "peak": "NMR peak",
    "early": "early fusion",
}
SCORES = {"auc": "ROC-AUC", "pr_auc": "average precision", "rmse": "RMSE", "mae": "mean error", "r2": "R²"}
IN_PERCENT = frozenset({"auc", "pr_auc"})


def task_name(task: str) -> str:
    """Return a task as it is printed."""
    return TASKS.get(task, task)


def task_place(task: str) -> int:
    """Return what tasks are sorted by."""
    return list(TASKS).index(task) if task in TASKS else len(TASKS)


def number(value: float, score: str) -> str:
    """Return a score as text: in percent, or in the unit of its task."""
    return f"{100 * value:.1f}" if score in IN_PERCENT else f"{value:.3f}"


def signed(value: float, score: str) -> str:
    """Return a difference of scores as text: in points, or in the unit of its task."""
    return f"{round(100 * value, 1) + 0.0:+.1f}" if score in IN_PERCENT else f"{round(value, 3) + 0.0:+.3f}"


def property_metric_name(metric: str) -> str | None:
    """Return the name of a number about a task, None for any other."""
    match metric.split("/"):
        case ["property", score]:
            return SCORES.get(score, score)
        case ["property", "target", target, score]:
            return f"{SCORES.get(score, score)}, {target}"
    return None
