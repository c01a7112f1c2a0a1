"""Isomer recognition of one run, and of several folds together: groups, metrics and scores as files."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from spectraflow.errors import InputError
from spectraflow.evaluation.isomers import IsomerGroup, Score, ScoredGroup, formula_groups, isomer_metrics, score_groups
from spectraflow.files import write_json
from spectraflow.retrieval.candidates import molecule_frame
from spectraflow.retrieval.settings import IsomerSettings
from spectraflow.tables import ALIGNMENT, ISOMER_SCORES, SPLITS, TableWriter, read_table


@dataclass(frozen=True)
class _Molecules:
    """Molecules of an alignment table, in its order, with the rows of the training and test part."""

    ids: list[str]
    formulas: list[str]
    identities: list[str]
    first_blocks: list[str]
    train: list[int]
    test: list[int]

    def groups(self, candidates: Iterable[int], least: int) -> list[IsomerGroup]:
        return formula_groups(
            self.formulas, self.identities, self.first_blocks, candidates, self.test, least=least, seen=self.train
        )


def published_formulas(path: Path) -> frozenset[str]:
    """Return the formulas of the isomer groups in published.csv; raises InputError if the file cannot be used."""
    try:
        table = pl.read_csv(path, infer_schema=False)
        settings = table.filter(pl.col("experiment") == "isomers")["setting"].drop_nulls()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path}: not readable as the table of published numbers ({error})") from error
    formulas = settings.str.extract(r"(?:^|;)formula=([^;]+)").drop_nulls()
    return frozenset(formulas) - {"all"}


def _read_molecules(alignment: Path, molecules: Path, split: Path) -> _Molecules:
    table = pl.DataFrame(pl.from_arrow(read_table(alignment, ALIGNMENT, ["molecule_id", "first_block"])))
    parts = pl.DataFrame(pl.from_arrow(read_table(split, SPLITS)))
    described = table.join(
        molecule_frame(molecules, ["molecule_id", "formula", "identity_key"]),
        on="molecule_id",
        how="left",
        maintain_order="left",
    ).join(parts, on="molecule_id", how="left", maintain_order="left")
    if described["formula"].null_count():
        missing = described.filter(pl.col("formula").is_null())["molecule_id"]
        raise InputError(f"{molecules}: lacks {missing[0]} and {len(missing) - 1} more molecules of {alignment}")
    ids = described["molecule_id"].to_list()
    rows = {part: (described["part"] == part).fill_null(False).arg_true().to_list() for part in ("train", "test")}
    if not rows["test"]:
        raise InputError(f"{split}: no molecule of {alignment} is in the test part")
    identities = described["identity_key"].fill_null(described["molecule_id"]).to_list()
    blocks = described["first_block"].fill_null(described["molecule_id"]).to_list()
    return _Molecules(ids, described["formula"].to_list(), identities, blocks, rows["train"], rows["test"])


def _named(prefix: str, metrics: dict[str, Any]) -> dict[str, Any]:
    return {f"isomers/{prefix}/{name}": interval.as_dict() for name, interval in metrics.items()}


def _summary(scored: Sequence[ScoredGroup], settings: IsomerSettings, published: frozenset[str]) -> dict[str, Any]:
    """Return metrics and group rows of groups whose members are all listed molecules of a formula."""
    large = [one for one in scored if len(one.group.members) >= settings.least_members]
    marked = [one for one in scored if one.group.formula in published]
    _, rows = isomer_metrics({id(one): one for one in (*large, *marked)}.values(), settings.seed)
    metrics = _named("listed", isomer_metrics(large, settings.seed)[0])
    metrics |= _named("published", isomer_metrics(marked, settings.seed)[0])
    for one in marked:
        metrics |= _named(one.group.formula, isomer_metrics([one], settings.seed)[0])
    shown = [{"scope": "listed", "published": row["formula"] in published, **row} for row in rows]
    return {"metrics": metrics, "groups": shown}


def rank_isomers(
    settings: IsomerSettings,
    score: Score,
    alignment: Path,
    molecules: Path,
    split: Path,
    published: Path,
    scores: Path,
    metrics: Path,
) -> None:
    """Score every query of the test part against its isomers; write the scores and metrics with a row a group.

    score: of row numbers of the alignment table, spectra by molecules. Metrics are named `isomers/<which>/<figure>`,
    which: `fold`, groups of the test part alone; `listed`, all usable molecules of a formula; `published`, those of
    the formulas in `published` (published.csv), of any size; and each of these formulas by its name.
    """
    found, marked = _read_molecules(alignment, molecules, split), published_formulas(published)
    every = found.groups(range(len(found.ids)), 1)
    wanted = [g for g in every if len(g.members) >= settings.least_members or g.formula in marked]
    scored = score_groups(wanted, score)
    summary = _summary(scored, settings, marked)
    inside, rows = isomer_metrics(score_groups(found.groups(found.test, settings.least_members), score), settings.seed)
    summary["metrics"] |= _named("fold", inside)
    summary["groups"] += [{"scope": "fold", "published": row["formula"] in marked, **row} for row in rows]
    with TableWriter(scores, ISOMER_SCORES) as writer:
        for one in scored:
            writer.write(_score_columns(one, found.ids))
    write_json(metrics, {"least_members": settings.least_members, **summary})


def _score_columns(scored: ScoredGroup, ids: Sequence[str]) -> dict[str, list[Any]]:
    group, (queries, members) = scored.group, scored.scores.shape
    truth = np.zeros(scored.scores.shape, dtype=bool)
    truth[np.arange(queries), group.truth] = True
    return {
        "query_id": np.repeat([ids[row] for row in group.queries], members).tolist(),
        "candidate_id": np.tile([ids[row] for row in group.members], queries).tolist(),
        "formula": [group.formula] * (queries * members),
        "score": scored.scores.ravel().tolist(),
        "truth": truth.ravel().tolist(),
        "twin": group.twins.ravel().tolist(),
        "seen": group.seen.ravel().tolist(),
    }


def pool_isomers(settings: IsomerSettings, published: Path, scores: Sequence[Path], metrics: Path) -> None:
    """Put the folds of one experiment together: every query is scored by the model that did not see it.

    scores: files of the folds' run folders, whose names are kept as `runs`. The one-to-one assignment runs over whole
    groups, across models whose scores may differ in scale. Raises InputError if candidates differ between the files.
    """
    tables = [pl.DataFrame(pl.from_arrow(read_table(path, ISOMER_SCORES))) for path in scores]
    groups = pl.concat(tables).partition_by("formula", as_dict=True, maintain_order=True)
    pooled = [_pooled(str(formula), frame) for (formula,), frame in groups.items()]
    summary = _summary(pooled, settings, published_formulas(published))
    write_json(
        metrics, {"least_members": settings.least_members, "runs": [path.parent.name for path in scores], **summary}
    )


def _pooled(formula: str, frame: pl.DataFrame) -> ScoredGroup:
    """Return the group of a formula from the scores of all folds; the first query of an identity stands for it."""
    candidates = frame["candidate_id"].unique(maintain_order=True)
    asked = frame.filter("truth").unique("candidate_id", keep="first", maintain_order=True)["query_id"]
    kept = frame.filter(pl.col("query_id").is_in(asked.implode())).unique(
        ["query_id", "candidate_id"], keep="first", maintain_order=True
    )
    if len(kept) != len(asked) * len(candidates):
        raise InputError(f"the runs to be pooled have other candidates of {formula}: use one alignment table")
    order = {name: place for place, name in enumerate(candidates)}
    kept = kept.sort(
        pl.col("query_id").replace_strict({name: i for i, name in enumerate(asked)}, return_dtype=pl.Int64),
        pl.col("candidate_id").replace_strict(order, return_dtype=pl.Int64),
    )
    shape = (len(asked), len(candidates))
    table = {name: kept[name].to_numpy().reshape(shape) for name in ("score", "truth", "twin", "seen")}
    group = IsomerGroup(
        formula,
        np.arange(len(candidates)),
        np.arange(len(asked)),
        table["truth"].argmax(axis=1),
        table["twin"],
        table["seen"],
    )
    return ScoredGroup(group, table["score"].astype(float))
