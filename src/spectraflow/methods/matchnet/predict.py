"""Does a molecule have these spectra? A trained network answers a user's own questions."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import probabilities
from spectraflow.files import atomic_path, read_json
from spectraflow.methods.matchnet.data import ATOM_COLUMNS, BOND_COLUMNS, LINE_COLUMNS, MatchStore
from spectraflow.methods.matchnet.feature_extractor import FeatureExtractor
from spectraflow.methods.matchnet.feature_store import FeatureStore
from spectraflow.methods.matchnet.fitting import Examples, Trained, logits_of
from spectraflow.methods.matchnet.line_lists import Lines
from spectraflow.methods.matchnet.match_queries import MatchQuery, read_match_queries
from spectraflow.methods.matchnet.matchers import NetworkMatcher
from spectraflow.methods.matchnet.settings import NUCLEI, Nucleus, RenderingSettings
from spectraflow.methods.matchnet.trained_network import images_of, load_trained, maps_of, open_extractor
from spectraflow.spectra.rendering import columns_of_line_lists
from spectraflow.store.ragged import Ragged, from_list_columns
from spectraflow.tables import MATCHING_SPECTRA
from spectraflow.training import run_folder
from spectraflow.training.devices import job_device

ANSWERED_AT_ONCE = 256
ANSWER = ("query_id", "smiles", "probability", "verdict", "problem")


@dataclass(frozen=True)
class Judgement:
    """How a run's logits are read: its temperature, and the logits below and above which it decides."""

    temperature: float
    reject_below: float
    confirm_above: float

    @classmethod
    def of_run(cls, run: Path) -> "Judgement":
        """Return what the run learnt from its validation pairs; raises InputError if its metrics do not say."""
        path = run / run_folder.METRICS
        try:
            metrics = read_json(path)
            ends = metrics["thresholds"]
            reject, confirm = ends["reject_below"], ends["confirm_above"]
            temperature = float(metrics["temperature"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: no temperature and thresholds of a matching model ({error!r})") from None
        return cls(temperature, -math.inf if reject is None else reject, math.inf if confirm is None else confirm)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities (n,)."""
        return probabilities(logits / self.temperature)

    def verdict(self, logit: float) -> str:
        """Return confirm, reject or undecided."""
        if logit > self.confirm_above:
            return "confirm"
        return "reject" if logit < self.reject_below else "undecided"


def predict_matches(run: Path, queries: Path, out: Path, features: Path | None = None) -> dict[str, int]:
    """Write a row for each row of a CSV of molecules and shifts: the probability that they match, and a verdict.

    Args:
        run: run folder of a trained network.
        queries: see `read_match_queries`.
        out: CSV with `query_id, smiles, probability, verdict, problem`, in the order of the queries; a query that
            cannot be answered has a problem and nothing else.
        features: folder of the cached features that a model of images was trained on, for its backbone.

    Returns the counts ``queries`` and ``answered``. Probabilities are calibrated for one match in two; verdicts keep
    the promises of `conformal_thresholds` for spectra and molecules like those of the run. Raises InputError if the run
    is no network, its metrics or the backbone are missing, or the file cannot be read as a whole.
    """
    device = job_device()
    matcher = load_trained(run, device)
    judgement, settings = Judgement.of_run(run), matcher.settings
    extractor = open_extractor(features, settings, device) if settings.reads_images else None
    asked = read_match_queries(queries, settings.network.nuclei, settings.rendering)
    good = [query for query in asked if query.problem is None]
    starts = range(0, len(good), ANSWERED_AT_ONCE)
    chunks = [_logits(matcher, good[start : start + ANSWERED_AT_ONCE], extractor) for start in starts]
    _write(out, asked, np.concatenate(chunks) if chunks else np.zeros(0), judgement)
    return {"queries": len(asked), "answered": len(good)}


def _logits(matcher: NetworkMatcher, queries: Sequence[MatchQuery], extractor: FeatureExtractor | None) -> np.ndarray:
    store = query_store(queries, matcher.settings.network.nuclei, matcher.settings.rendering, extractor)
    rows = np.arange(len(queries))
    pairs = Examples(rows, rows, np.ones(len(queries), bool))
    network = Trained(matcher.network).eval()
    return logits_of(network, store.to(matcher.device), pairs, matcher.settings.network, matcher.device)


def query_store(
    queries: Sequence[MatchQuery],
    nuclei: Sequence[Nucleus],
    rendering: RenderingSettings,
    extractor: FeatureExtractor | None,
) -> MatchStore:
    """Return queries without problems as a store, their spectra rendered and, with an extractor, seen as images."""
    columns = {nucleus: _columns(queries, nucleus, rendering) for nucleus in nuclei}
    features = None
    if extractor is not None:
        maps = {nucleus: maps_of(extractor, images_of(found, rendering)) for nucleus, found in columns.items()}
        features = FeatureStore(dict(maps), torch.arange(len(queries)), torch.device("cpu"))
    return MatchStore(
        molecule_ids=[query.query_id for query in queries],
        first_blocks=[query.query_id for query in queries],
        atoms=_ragged(queries, ATOM_COLUMNS),
        bonds=_ragged(queries, BOND_COLUMNS),
        fingerprints=np.stack([np.frombuffer(query.molecule["fingerprint"], np.uint8) for query in queries]),
        codes=np.arange(len(queries)),
        peaks={nucleus: _peaks(queries, nucleus) for nucleus in NUCLEI},
        columns={nucleus: torch.from_numpy(found) for nucleus, found in columns.items()},
        features=features,
    )


def _ragged(queries: Sequence[MatchQuery], names: Sequence[str]) -> Ragged:
    schema = pa.schema([MATCHING_SPECTRA.field(name) for name in names])
    table = pa.Table.from_pylist([{name: query.molecule[name] for name in names} for query in queries], schema)
    return from_list_columns(table, names, np.int64)


def _peaks(queries: Sequence[MatchQuery], nucleus: Nucleus) -> Ragged:
    names = LINE_COLUMNS[nucleus]
    schema = pa.schema([MATCHING_SPECTRA.field(name) for name in names])
    unread = Lines(np.zeros(0), np.zeros(0))
    rows = [dict(zip(names, query.lines.get(nucleus, unread), strict=True)) for query in queries]
    return from_list_columns(pa.Table.from_pylist(rows, schema), names, np.float32)


def _columns(queries: Sequence[MatchQuery], nucleus: Nucleus, rendering: RenderingSettings) -> np.ndarray:
    lines = [query.lines[nucleus] for query in queries]
    ppm, area = np.concatenate([one.ppm for one in lines]), np.concatenate([one.area for one in lines])
    found = columns_of_line_lists(ppm, area, [len(one.ppm) for one in lines], nucleus, rendering)
    return np.stack([found.high, found.low], axis=1)


def _write(out: Path, asked: Sequence[MatchQuery], logits: np.ndarray, judgement: Judgement) -> None:
    answers = zip(judgement.probabilities(logits).tolist(), logits.tolist(), strict=True)
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(ANSWER)
        for query in asked:
            if query.problem is not None:
                writer.writerow([query.query_id, query.smiles, "", "", query.problem])
                continue
            probability, logit = next(answers)
            writer.writerow([query.query_id, query.smiles, f"{probability:.6f}", judgement.verdict(logit), ""])
