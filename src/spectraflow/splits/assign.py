"""Assign molecules to train, val and test, and refuse an assignment that leaks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spectraflow.config import SplitSettings
from spectraflow.errors import ConfigError, InputError
from spectraflow.files import write_json
from spectraflow.splits.audit import audit_split, label_prevalence
from spectraflow.splits.given_parts import given_parts
from spectraflow.splits.molecules import SplitMolecules, read_molecules, read_smiles
from spectraflow.splits.published_folds import listed_molecules, published_parts, read_id_list
from spectraflow.splits.random_folds import random_parts
from spectraflow.splits.scaffold_clusters import clustered_parts
from spectraflow.splits.scaffold_folds import balanced_parts, deterministic_parts
from spectraflow.splits.similarity import nearest_train_tanimoto
from spectraflow.tables import SPLITS, write_table


def make_split(
    settings: SplitSettings,
    molecules: Path,
    out: Path,
    audit: Path,
    *,
    fold: int = 0,
    subset: Path | None = None,
    ids: Path | None = None,
    labels: Path | None = None,
    given: Path | None = None,
) -> dict[str, Any]:
    """Write a splits table and its audit (JSON), and return the audit.

    `molecules` is a molecules table, `subset` any table whose `molecule_id` column limits it, `ids` the list of native
    ids that published_folds permutes (without a subset it also limits the molecules), `labels` a labels table
    for the prevalence, `given` a splits table of molecules of the same table: molecules that share a first block with
    one of them take its part, the rest are assigned as if they were alone. `fold` is the fold of random and
    published_folds, an offset of the seed in scaffold_balanced, another val part in scaffold_clusters, and without
    effect in scaffold_deterministic. The assignment depends on the molecules, not on the order of rows. For
    scaffold_clusters the audit also says how similar test molecules are to their nearest training molecules, here and
    in a random split.

    Raises ConfigError for an impossible fold or a missing id list, and InputError for unknown or repeated ids, an
    empty part, or (but for published_folds) a first block that two parts share, or with scaffold_clusters a scaffold
    that test shares.
    """
    chosen = read_molecules(molecules, subset)
    native_ids = _native_ids(settings, ids)
    if native_ids is not None and subset is None:
        chosen = listed_molecules(chosen, native_ids)
    known = {} if given is None else given_parts(given, molecules)
    parts = _parts(settings, chosen, known, fold, native_ids)
    found: dict[str, Any] = {"settings": {**settings.model_dump(mode="json"), "fold": fold}}
    found |= {"given": sum(block in known for block in chosen.first_blocks)} if given is not None else {}
    found |= audit_split(chosen, parts)
    _check(settings, found)
    if settings.kind == "scaffold_clusters":
        smiles = read_smiles(molecules, chosen.ids)
        found["nearest_train_tanimoto"] = nearest_train_tanimoto(smiles, chosen.first_blocks, parts, settings.seed)
    if labels is not None:
        found["labels"] = label_prevalence(labels, chosen.ids, parts)
    write_table(out, SPLITS, {"molecule_id": chosen.ids, "part": parts})
    write_json(audit, found)
    return found


def _parts(
    settings: SplitSettings, chosen: SplitMolecules, known: Mapping[str, str], fold: int, ids: list[str] | None
) -> list[str]:
    rest = [place for place, block in enumerate(chosen.first_blocks) if block not in known]
    assigned = iter(assign_parts(settings, chosen.take(rest), fold=fold, ids=ids) if rest else [])
    return [known[block] if block in known else next(assigned) for block in chosen.first_blocks]


def assign_parts(
    settings: SplitSettings, molecules: SplitMolecules, *, fold: int = 0, ids: list[str] | None = None
) -> list[str]:
    """Return train, val or test for each molecule; `ids` are the native ids that published_folds permutes."""
    seed, val, test = settings.seed, settings.val_fraction, settings.test_fraction
    if settings.kind in ("random", "published_folds") and fold >= settings.folds:
        raise ConfigError(f"fold {fold} of a split into {settings.folds} folds; the last is {settings.folds - 1}")
    match settings.kind:
        case "random":
            return random_parts(molecules, folds=settings.folds, fold=fold, seed=seed, val_fraction=val)
        case "published_folds":
            if ids is None:
                raise ConfigError("a split of kind published_folds needs the id list")
            return published_parts(molecules, ids, folds=settings.folds, fold=fold, seed=seed, val_fraction=val)
        case "scaffold_balanced":
            return balanced_parts(molecules, fold=fold, seed=seed, val_fraction=val, test_fraction=test)
        case "scaffold_deterministic":
            return deterministic_parts(molecules, val_fraction=val, test_fraction=test)
        case "scaffold_clusters":
            return clustered_parts(molecules, fold=fold, seed=seed, val_fraction=val, test_fraction=test)


def _native_ids(settings: SplitSettings, ids: Path | None) -> list[str] | None:
    return read_id_list(ids) if ids is not None and settings.kind == "published_folds" else None


def _check(settings: SplitSettings, audit: dict[str, Any]) -> None:
    wanted = ["train", "test"] + (["val"] if settings.val_fraction > 0 else [])
    empty = [part for part in wanted if audit["sizes"][part]["molecules"] == 0]
    if empty:
        total = sum(size["molecules"] for size in audit["sizes"].values())
        raise InputError(f"{settings.kind}: no molecules are left for {' and '.join(empty)} ({total} in all)")
    if settings.kind == "published_folds":
        return
    for pair, shared in audit["overlap"].items():
        if shared["first_blocks"] > 0:
            raise InputError(f"{settings.kind}: {pair} share {shared['first_blocks']} first blocks")
        if settings.kind == "scaffold_clusters" and pair.endswith("-test") and shared["scaffolds"] > 0:
            raise InputError(f"{settings.kind}: {pair} share {shared['scaffolds']} scaffolds")
