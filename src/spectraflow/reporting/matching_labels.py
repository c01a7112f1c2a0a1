"""Words for test sets and numbers of matching."""

SETS = {
    "near": "near",
    "uniform": "uniform",
    "diff": "dissimilar",
    "sim": "nearest",
    "isomer": "isomers",
    "listed_rand": "listed, rand",
    "listed_diff": "listed, diff",
    "listed_sim": "listed, sim",
}
"""Test sets by what their wrong candidates are, in the order of tables."""

DATASETS = {
    "nmrshiftdb2": "Measured spectra (nmrshiftdb2)",
    "nmrshiftdb2_any": "Measured spectra (nmrshiftdb2), any element and size",
    "alberts": "Simulated spectra (Alberts 2024)",
    "matcs": "MatCS molecules, spectra from predicted shifts",
    "pubchem": "PubChem molecules, spectra from predicted shifts",
}
SCORES = {
    "auc": "AUC",
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "auprc": "average precision",
    "brier": "Brier score",
    "ece": "calibration error",
    "calibrated_brier": "Brier score after the temperature",
    "calibrated_ece": "calibration error after the temperature",
    "permuted_auc": "AUC with spectra swapped",
    "membership_auc": "AUC of having been trained on",
}


def split_set(name: str) -> tuple[str | None, str]:
    """Return the data set that a test set was transferred from, None for the run's own, and the plain set."""
    for dataset in sorted(DATASETS, key=len, reverse=True):
        if name.startswith(f"{dataset}_"):
            return dataset, name.removeprefix(f"{dataset}_")
    return None, name


def set_name(name: str) -> str:
    """Return a test set in words, with the data set it comes from if it is another one."""
    dataset, own = split_set(name)
    words = SETS.get(own, own)
    return words if dataset is None else f"{dataset}: {words}"


def set_place(name: str) -> tuple[bool, str, int]:
    """Return what test sets are sorted by: own ones first, each in the order of SETS."""
    dataset, own = split_set(name)
    return dataset is not None, dataset or "", list(SETS).index(own) if own in SETS else len(SETS)


def matching_metric_name(metric: str) -> str | None:
    """Return the name of a number about matching, None for any other."""
    match metric.split("/"):
        case ["matching", name, score]:
            return f"{SCORES.get(score, score)}, {set_name(name)}"
        case ["cost", "parameters_m"]:
            return "parameters"
        case ["cost", "ms_per_batch"]:
            return "time of a batch"
        case ["cost", "peak_memory_mb"]:
            return "peak memory of a batch"
    return None
