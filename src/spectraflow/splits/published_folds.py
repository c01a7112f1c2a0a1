"""The folds of K-M3AID's published protocol, which let stereoisomers cross the parts."""

from pathlib import Path

import numpy as np

from spectraflow.errors import ConfigError, InputError
from spectraflow.splits.molecules import SplitMolecules
from spectraflow.splits.random_folds import validation_size

SOURCE = "nmrshiftdb2"


def read_id_list(path: Path) -> list[str]:
    """Return the native ids in a text file, one a line; raises InputError if empty, unreadable or not unique."""
    try:
        ids = Path(path).read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of ids ({error})") from None
    if not ids:
        raise InputError(f"{path}: holds no ids")
    if len(set(ids)) < len(ids):
        raise InputError(f"{path}: {len(ids) - len(set(ids))} id(s) are repeated")
    return ids


def listed_molecules(molecules: SplitMolecules, ids: list[str]) -> SplitMolecules:
    """Return the molecules whose native id is listed."""
    listed = {f"{SOURCE}:{native}" for native in ids}
    return molecules.take([i for i, molecule in enumerate(molecules.ids) if molecule in listed])


def published_parts(
    molecules: SplitMolecules, ids: list[str], *, folds: int, fold: int, seed: int, val_fraction: float
) -> list[str]:
    """Return the part of each molecule in the fold of K-M3AID's released code.

    All listed ids, in byte order of ``nmrshiftdb2_<id>``, are permuted by numpy's legacy generator; fold f is the f-th
    run of ``len(ids) // folds`` of them and everything else, the remainder included, is train. Only then do ids
    without a molecule drop out: dropping them first would change every fold. The authors' own permuted file is
    not public, so protocol and sizes agree with theirs, membership need not.

    The published protocol has no val part (it selects on the reported fold). With `val_fraction` above 0, one is
    drawn from train by `seed` and `fold`; first blocks may be shared by all parts here, and the audit counts them.

    Raises ConfigError if there are fewer ids than folds, InputError if a molecule is not listed.
    """
    size = len(ids) // folds
    if size == 0:
        raise ConfigError(f"{len(ids)} ids cannot be cut into {folds} folds")
    ordered = np.array(sorted(ids, key=lambda native: f"{SOURCE}_{native}".encode()))
    permuted = ordered[np.random.RandomState(seed).permutation(len(ordered))]
    test = {f"{SOURCE}:{native}" for native in permuted[fold * size : (fold + 1) * size].tolist()}
    unlisted = set(molecules.ids) - {f"{SOURCE}:{native}" for native in ids}
    if unlisted:
        raise InputError(f"{len(unlisted)} molecule(s) are not in the id list, e.g. {min(unlisted)}")
    others = [molecule for molecule in molecules.ids if molecule not in test]
    count = validation_size(len(others), val_fraction)
    val = set(np.random.default_rng([seed, fold]).permutation(np.array(others))[:count].tolist())
    return ["test" if molecule in test else "val" if molecule in val else "train" for molecule in molecules.ids]
