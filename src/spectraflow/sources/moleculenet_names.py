"""Names of the MoleculeNet files; imports nothing heavy."""

STEMS = {
    "bbbp": "BBBP",
    "bace": "bace",
    "sider": "sider",
    "clintox": "clintox",
    "hiv": "HIV",
    "muv": "muv",
    "tox21": "tox21",
    "toxcast": "toxcast_data",
    "esol": "delaney-processed",
    "freesolv": "SAMPL",
    "lipo": "Lipophilicity",
}
"""Stem of the file of each task."""


def file_name(task: str) -> str:
    """Return the name of a task's file in a mirror and below `raw/moleculenet/`."""
    return f"{STEMS[task]}.csv.gz"
