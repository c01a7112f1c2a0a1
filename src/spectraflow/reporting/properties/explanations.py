"""What trained models of MoleculeNet tasks do inside, as tables: embeddings, late fusion, positive subgraphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.property_labels import MODALITIES, task_name
from spectraflow.reporting.runs import Run, as_measured, read_object
from spectraflow.tables import EMBEDDING_MAP, LATE_PARTS, POSITIVE_SUBGRAPHS, read_table

SUMMARY, MAP, LATE, SUBGRAPHS = "explanation.json", "map.parquet", "late_parts.parquet", "subgraphs.parquet"
STAGES = {"pretrained": "as pre-trained", "finetuned": "after fine-tuning"}
R2_PARTS = ("train", "test")


@dataclass(frozen=True)
class Explanation:
    """One folder of an examined model: the summary, the run if the report has it, and tables on demand."""

    folder: Path
    found: Mapping[str, Any]
    run: Run | None

    @property
    def name(self) -> str:
        """The model and its task."""
        return self.folder.name if self.run is None else f"{self.run.label}, {task_name(self.task)}"

    @property
    def task(self) -> str:
        """Name of the task, empty if the run is unknown."""
        return "" if self.run is None else str(self.run.settings.get("task"))

    @property
    def key(self) -> str:
        """What file names of its figures end in."""
        return self.folder.name

    @cached_property
    def positions(self) -> pl.DataFrame:
        """Its maps, EMBEDDING_MAP."""
        return self._table(MAP, EMBEDDING_MAP)

    @cached_property
    def late_parts(self) -> pl.DataFrame:
        """What its encoders add to late fusion, LATE_PARTS."""
        return self._table(LATE, LATE_PARTS)

    @cached_property
    def subgraphs(self) -> pl.DataFrame:
        """Its positive subgraphs, POSITIVE_SUBGRAPHS."""
        return self._table(SUBGRAPHS, POSITIVE_SUBGRAPHS)

    def _table(self, name: str, schema: pa.Schema) -> pl.DataFrame:
        path = self.folder / name
        rows = read_table(path, schema) if path.is_file() else schema.empty_table()
        frame = pl.from_arrow(rows)
        assert isinstance(frame, pl.DataFrame)
        return frame


def load_explanations(folders: Sequence[Path], runs: Sequence[Run]) -> list[Explanation]:
    """Return the examined models in folders named by run; raises InputError if a summary cannot be read."""
    by_id = {run.run_id: run for run in runs}
    return [Explanation(folder, read_object(folder / SUMMARY), by_id.get(folder.name)) for folder in map(Path, folders)]


def embedding_name(name: str) -> str:
    """Return the name of an embedding in words; encoders of one modality keep their number."""
    return {"fused": "fused", "scratch": "from scratch"}.get(name) or MODALITIES.get(name, name)


def neighbour_tables(found: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return, for each examined model, R2 of the target by near molecules in each embedding and on each map."""
    tables = []
    for one in found:
        embeddings = one.found.get("embeddings") or {}
        rows = [
            {
                "stage": words,
                "name": embedding_name(name),
                "texts": [_decimal((figures.get(where) or {}).get(part)) for where in _WHERE for part in R2_PARTS],
            }
            for stage, words in STAGES.items()
            for name, figures in (embeddings.get(stage) or {}).items()
        ]
        if rows:
            facts = {"molecules": plain(embeddings.get("molecules")), "neighbours": plain(embeddings.get("neighbours"))}
            tables.append(
                {"name": one.name, "key": one.key, "rows": rows, "target": plain(one.found.get("target")), **facts}
            )
    return tables


_WHERE = ("embedding", "plane", "shuffled")


def _decimal(value: Any, digits: int = 2) -> str:
    return f"{value:.{digits}f}" if isinstance(value, int | float) else "–"


def similarity_tables(found: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return, for each examined model and stage, how alike its embeddings of test molecules are, with controls."""
    tables = []
    for one in found:
        for stage, similarity in (one.found.get("similarity") or {}).items():
            if pairs := similarity.get("pairs") or []:
                rows = [_pair(pair) for pair in pairs]
                title = f"{one.name}, {STAGES.get(stage, stage)}"
                tables.append({"title": title, "rows": rows, "molecules": plain(similarity.get("molecules"))})
    return tables


def _pair(pair: Mapping[str, Any]) -> dict[str, str]:
    control, cosine = pair.get("shuffled_cka") or {}, as_measured(pair.get("cosine"))
    return {
        "one": embedding_name(str(pair.get("one"))),
        "other": embedding_name(str(pair.get("other"))),
        "cka": _decimal(pair.get("cka")),
        "shuffled_cka": f"{_decimal(control.get('mean'))}, at most {_decimal(control.get('highest'))}",
        "cosine": "–" if cosine is None else _interval(cosine.value, cosine.low, cosine.high),
        "shuffled_cosine": _decimal(pair.get("shuffled_cosine")),
    }


def _interval(value: float, low: float | None, high: float | None, digits: int = 2) -> str:
    text = f"{value:.{digits}f}"
    return text if low is None or high is None else f"{text} [{low:.{digits}f}, {high:.{digits}f}]"


def late_tables(found: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return, for each late fusion, what each encoder has in the sum."""
    tables = []
    for one in found:
        late = one.found.get("late") or {}
        if encoders := late.get("encoders") or {}:
            error = "RMSE, in deviations of the training part" if late.get("error") == "rmse" else "logarithmic loss"
            rows = [{"name": embedding_name(name), **_late(figures)} for name, figures in encoders.items()]
            tables.append({"name": one.name, "key": one.key, "error": error, "rows": rows})
    return tables


def _late(figures: Mapping[str, Any]) -> dict[str, str]:
    growth = as_measured(figures.get("without"))
    moments = {key: figures.get(key) or {} for key in ("coefficient", "prediction", "product")}
    return {
        **{key: f"{_decimal(one.get('mean'))} ± {_decimal(one.get('sd'))}" for key, one in moments.items()},
        "active": percent(figures.get("active")),
        "variance": percent(figures.get("variance_share")),
        "covariance": percent(figures.get("covariance_share")),
        "without": "–" if growth is None else _interval(growth.value, growth.low, growth.high, 3),
    }


def subgraph_tables(found: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return, for each examined classifier, how its positive subgraphs were found and what they have in common."""
    tables = []
    for one in found:
        summary = one.found.get("subgraphs")
        if summary:
            share, control = (as_measured(summary.get(key)) for key in ("kept_share", "random_positive"))
            counts = ("molecules", "predicted_positive", "searched", "found", "whole")
            facts = [(key.replace("_", " "), plain(summary.get(key))) for key in counts]
            facts.append(("atoms that are left, %", _percents(share)))
            facts.append(("random parts of equal size still positive, %", _percents(control)))
            common = [_common(row) for row in summary.get("common") or []]
            target = plain(one.found.get("target"))
            tables.append({"name": one.name, "key": one.key, "target": target, "facts": facts, "common": common})
    return tables


def _percents(value: Any) -> str:
    if value is None:
        return "–"
    ends = "" if value.low is None or value.high is None else f" [{percent(value.low)}, {percent(value.high)}]"
    return f"{percent(value.value)}{ends}"


def _common(row: Mapping[str, Any]) -> dict[str, Any]:
    odds, p = as_measured(row.get("odds_ratio")), row.get("p_adjusted")
    return {
        "cluster": plain(row.get("cluster")),
        "members": plain(row.get("members")),
        "smarts": str(row.get("smarts")),
        "positives": percent(row.get("positives")),
        "negatives": percent(row.get("negatives")),
        "odds": "–" if odds is None else _interval(odds.value, odds.low, odds.high),
        "p": "–" if p is None else f"{p:.2g}",
    }
