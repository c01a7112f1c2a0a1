import numpy as np
import pytest

from spectraflow.evaluation.permutation import derangement
from spectraflow.evaluation.retrieval import at_or_above, lowered
from spectraflow.files import read_json
from spectraflow.retrieval.candidates import Candidates
from spectraflow.retrieval.queries import Queries
from spectraflow.retrieval.ranking import (
    Blocks,
    control_scorers,
    count_among_queries,
    count_at_or_above,
    hit_rates,
    rank_queries,
    scorer_of,
    shuffle_check,
)
from spectraflow.retrieval.settings import RetrievalSettings
from spectraflow.tables import RANKS, read_table

ITSELF = np.arange(40)


class Dots:
    """Random embeddings: every query's spectrum is its own molecule."""

    def __init__(self, count=40, width=16, seed=0):
        self.molecules = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
        self.spectra = self.molecules.copy()

    def own(self, order):
        return (self.spectra[order] * self.molecules).sum(1)

    def library(self, order, payload):
        return self.spectra[order] @ payload.T

    def among(self, order):
        return self.spectra[order] @ self.molecules.T


class Library:
    """A library in memory: `size` random molecules, the first of which share the queries' first blocks."""

    def __init__(self, size=200, width=16, queries=40):
        self.embeddings = np.random.default_rng(1).normal(size=(size, width)).astype(np.float32)
        self.blocks = Blocks(np.arange(queries), np.arange(size))
        self.candidates = Candidates(
            [str(i) for i in range(size)], np.arange(size) % 20, np.ones(size, bool), {"training_molecules": 0}, {}
        )
        self.candidates.usable[7] = False

    def strangers(self):
        return self.blocks._replace(library=self.blocks.library + 10_000)

    def chunks(self):
        for start in range(0, len(self.embeddings), 64):
            chunk = self.embeddings[start : start + 64]
            yield slice(start, start + len(chunk)), chunk

    def count(self, scoring, blocks=None):
        scorers = {"own": scorer_of(scoring, np.arange(len(scoring.spectra)))}
        above, eligible = count_at_or_above(self.candidates, blocks or self.blocks, self.chunks(), scorers)
        return above["own"], eligible


def test_counts_agree_with_a_loop():
    scoring, library = Dots(), Library()
    above, eligible = library.count(scoring)
    for q in range(40):
        truth = float(scoring.own(ITSELF)[q])
        others = [j for j in range(200) if j not in (7, q)]
        assert eligible[q] == len(others)
        assert above[q] == sum(float(scoring.spectra[q] @ library.embeddings[j]) >= truth for j in others)


def test_a_molecule_that_scores_like_the_truth_counts_against_it():
    scoring, library = Dots(), Library()
    library.embeddings[100:140] = scoring.molecules
    above, _ = library.count(scoring)
    assert (above >= 1).all()


def test_molecules_of_the_querys_own_first_block_never_count():
    scoring, library = Dots(), Library()
    library.candidates.usable[7] = True
    library.embeddings[:40] = 2 * scoring.molecules  # each would beat its own truth
    with_twins, _ = library.count(scoring)
    library.candidates.usable[:40] = False
    without, _ = library.count(scoring)
    library.candidates.usable[:40] = True
    strangers, _ = library.count(scoring, library.strangers())
    assert (strangers - with_twins == 1).all()
    assert (with_twins >= without).all()


@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_a_truth_without_a_score_ties_with_every_eligible_molecule_and_no_other(value):
    scoring, library = Dots(), Library()
    scoring.own = lambda order: np.full(40, value)
    above, eligible = library.count(scoring)
    assert (above == eligible).all()


def test_controls_stay_at_chance_while_the_model_does_not():
    scoring, library = Dots(300), Library(2000, queries=300)
    settings = RetrievalSettings(library_sizes=[100], k=[1, 10], queries=300)
    queries = Queries([f"q{i}" for i in range(300)], [f"b{i}" for i in range(300)], np.full(300, 9))
    blocks, swapped = library.strangers(), derangement(300, 0)
    scorers = control_scorers(queries, library.candidates, blocks, 9.0, 0)
    scorers |= {"own": scorer_of(scoring, np.arange(300)), "permuted": scorer_of(scoring, swapped)}
    above, eligible = count_at_or_above(library.candidates, blocks, library.chunks(), scorers)
    rates = {name: hit_rates(counts, eligible, settings)["100"]["10"] for name, counts in above.items()}
    assert rates["own"]["value"] > 0.95
    for name in ("random_scores", "permuted", "library_order"):
        assert rates[name]["low"] - 0.02 < 0.1 < rates[name]["high"] + 0.02, name
    among = hit_rates(*count_among_queries(blocks.queries, scoring, swapped), settings)["100"]["10"]
    assert among["low"] - 0.02 < 0.1 < among["high"] + 0.02


def test_the_shuffle_check_sees_scores_that_depend_on_the_place():
    scoring, library = Dots(), Library()
    chunk = next(library.chunks())
    own = scorer_of(scoring, ITSELF)
    assert shuffle_check(library.candidates, library.blocks, chunk, own, 0) == 0
    placed = own._replace(score=lambda rows, payload: own.score(rows, payload) + 9 * (np.arange(len(payload)) < 32))
    assert shuffle_check(library.candidates, library.blocks, chunk, placed, 0) > 0


def test_lowering_the_truth_lets_float_noise_tie():
    scores = np.array([3.0, -3.0], np.float32)
    assert at_or_above(lowered(scores), scores[:, None] * (1 - 3e-7 * np.sign(scores[:, None]))).tolist() == [1, 1]


def test_every_scoring_is_written_with_its_controls(tmp_path):
    scoring, library = Dots(), Library()
    settings = RetrievalSettings(library_sizes=[5, 100, 1000], k=[1, 5], queries=40)
    rank_queries(
        settings,
        Queries([f"q{i}" for i in range(40)], [f"new{i}" for i in range(40)], np.full(40, 9)),
        library.candidates,
        library.chunks,
        {"best": scoring, "noise": Dots(seed=5)},
        9.0,
        tmp_path / "ranks.parquet",
        tmp_path / "retrieval.json",
        {"extra": 1},
    )
    found = read_json(tmp_path / "retrieval.json")
    assert found["main_scoring"] == "best"
    assert found["refused_sizes"] == [1000]
    assert found["checks"] == {"shuffled_candidates_changed": 0, "extra": 1}
    assert set(found["scorings"]) == {"best", "noise"}
    assert set(found["scorings"]["best"]["sizes"]) == {"5", "100"}
    controls = {"permuted_spectra", "permuted_among_queries"}
    assert set(found["scorings"]["best"]) == {"sizes", "whole", "percentile", *controls}
    table = read_table(tmp_path / "ranks.parquet", RANKS).to_pydict()
    assert table["scoring"] == ["best"] * 40 + ["noise"] * 40
    first = np.mean(np.array(table["at_or_above"][40:]) == 0)
    assert found["scorings"]["noise"]["whole"]["1"]["value"] == first < 1


def test_percentile_counts_ranks_within_percents_of_the_library():
    above, eligible = np.array([0, 9, 10, 500]), np.full(4, 1999)
    settings = RetrievalSettings(library_sizes=[10, 2000], k=[1, 5])
    rates = hit_rates(above, eligible, settings, percentile=True)
    assert rates["2000"]["1"]["value"] == 3 / 4  # ranks up to 20
    assert rates["2000"]["5"]["value"] == 3 / 4  # ranks up to 100
    assert rates["10"]["1"]["value"] == hit_rates(above, eligible, settings)["10"]["1"]["value"]
