"""What is said of a model: scores by set, controls, calibration, verdicts, another data set."""

import json
import math
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from spectraflow.evaluation.match_verdicts import fit_temperature, verdicts
from spectraflow.evaluation.matching import METRICS, area_under_curve, matching_metrics
from spectraflow.evaluation.uncertainty import Interval
from spectraflow.methods.matchnet import evaluate as module
from spectraflow.methods.matchnet.baselines.boosted_trees import TreeFeatures
from spectraflow.methods.matchnet.comparators import LineCounts
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.evaluate import Asked, evaluate
from spectraflow.methods.matchnet.inputs import Inputs
from spectraflow.methods.matchnet.matchers import Logistic
from spectraflow.methods.matchnet.pair_table import BALANCED, Pairs, read_pairs
from spectraflow.tables import PAIR_PREDICTIONS, read_table
from tests.unit.methods.matchnet.matching_files import small_run, write_matching_files

MOLECULES = {"train": 30, "val": 60, "test": 120}
STARTS = {"train": 0, "val": 30, "test": 90}
SETS = {"train": ("near", "uniform"), "val": ("near", "uniform"), "test": (*BALANCED, "listed_sim")}
INPUTS = Inputs(Path("spectra"), Path("rendered"), Path("pairs"))


@pytest.fixture(scope="module", autouse=True)
def _few_draws():
    """Intervals are tested elsewhere, and take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        for intervals in (matching_metrics, verdicts):
            patch.setattr(module, intervals.__name__, partial(intervals, draws=20))
        yield


def made_pairs(part):
    """True pairs, and negatives that are balanced; but those of listed_sim are training molecules."""
    rows = np.arange(MOLECULES[part]) + STARTS[part]
    wrong = {name: np.roll(rows, 1 + steps) for steps, name in enumerate(SETS[part])}
    if "listed_sim" in wrong:
        wrong["listed_sim"] = rows % MOLECULES["train"]
    candidates = {"true": rows, **wrong}
    sets = np.repeat(list(candidates), len(rows)).astype(object)
    owners, shown = np.tile(rows, len(candidates)), np.concatenate(list(candidates.values()))
    ids = np.array([f"{name}:{a}:{b}" for name, a, b in zip(sets, owners, shown, strict=True)], dtype=object)
    return Pairs(part, ids, sets, owners, shown, owners == shown)


@dataclass(frozen=True)
class Model:
    """Scores pairs by hidden numbers of molecules: the better it sees, the less noise there is in what it compares."""

    noise: float = 0.1
    scale: float = 3.0
    any_pair: bool = True
    unknown: tuple[int, ...] = ()
    devices: list[str] = field(default_factory=list)

    def logits(self, store, pairs):
        self.devices.append(store.device.type)
        hidden = np.random.default_rng(0).normal(size=len(store))
        seen = hidden + self.noise * np.random.default_rng(1).normal(size=len(store))
        found = self.scale * (0.4 - np.abs(seen[pairs.owners] - hidden[pairs.candidates]))
        return np.where(np.isin(pairs.owners, self.unknown), np.nan, found)

    def figures(self, store, pairs):
        return {"near/auc_13C": Interval(0.75, math.nan, math.nan, len(pairs))}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A store of many molecules, of which only ids matter."""
    files = write_matching_files(tmp_path_factory.mktemp("evaluate"), 20)
    ids = [f"m{row}" for row in range(sum(MOLECULES.values()))]
    return replace(MatchStore.read(files.spectra), molecule_ids=ids, first_blocks=ids)


def ask(store, matcher, **settings):
    pairs = {part: made_pairs(part) for part in MOLECULES}
    return Asked(matcher, store, pairs, small_run(**settings), INPUTS)


def evaluated(store, folder, matcher, **settings):
    return evaluate(ask(store, matcher, **settings), folder / "predictions.parquet")


def value(found, name, part="test"):
    return found["parts"][part][f"matching/{name}"]["value"]


@pytest.fixture(scope="module")
def figures(store, tmp_path_factory):
    return evaluated(store, tmp_path_factory.mktemp("figures"), Model())


def test_every_set_has_every_number(figures):
    measured = {*METRICS, "calibrated_brier", "calibrated_ece"}
    own = {"near/auc_13C"}
    for part, controls in (("val", set()), ("test", {"membership_auc", "permuted_auc"})):
        expected = {f"{name}/{metric}" for name in SETS[part] for metric in measured | controls}
        expected -= {"listed_sim/permuted_auc"}
        expected |= own if controls else set()
        assert set(figures["parts"][part]) == {f"matching/{name}" for name in expected}
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_a_set_is_scored_with_the_true_pairs_of_its_owners(store, figures):
    pairs = made_pairs("test")
    chosen = pairs.take(pairs.places_of("diff"))
    expected = area_under_curve(chosen.labels, Model().logits(store, chosen))
    assert value(figures, "diff/auc") == pytest.approx(expected)
    assert figures["parts"]["test"]["matching/diff/auc"]["n"] == 240
    assert sum(row["n"] for row in figures["reliability"]["diff"]) == 240
    assert value(figures, "diff/recall") == value(figures, "near/recall")


@pytest.mark.parametrize("name", BALANCED)
def test_with_the_spectra_of_others_a_good_model_is_at_chance(figures, name):
    assert value(figures, f"{name}/auc") > 0.9
    assert value(figures, f"{name}/permuted_auc") == pytest.approx(0.5, abs=0.12)  # three standard deviations


def test_line_counts_with_the_spectra_of_others_are_at_chance(store, tmp_path):
    counts = np.random.default_rng(0).integers(6, size=(len(store), 5)).astype(float)
    nothing = np.zeros((len(store), 1), np.float32)
    features = TreeFeatures(store.molecule_ids, nothing.astype(np.uint8), nothing, counts, counts)
    curve = Logistic(np.zeros(1), np.ones(1), np.ones(1), 2.0)
    found = evaluated(store, tmp_path, LineCounts(small_run(kind="line_counts"), curve, {store.tables: features}))
    for name in BALANCED:
        assert value(found, f"{name}/auc") > 0.99
        assert value(found, f"{name}/permuted_auc") == pytest.approx(0.5, abs=0.12)


def test_having_been_trained_on_tells_nothing_but_in_listed_sets(figures):
    for name in BALANCED:
        assert value(figures, f"{name}/membership_auc") == 0.5
    assert value(figures, "listed_sim/membership_auc") == 1.0


def test_a_model_of_listed_pairs_alone_has_no_control_of_other_spectra(store, tmp_path):
    found = evaluated(store, tmp_path, Model(any_pair=False))["parts"]["test"]
    assert not [name for name in found if "permuted" in name]
    assert found["matching/near/membership_auc"]["value"] == 0.5


def test_every_prediction_is_written_once(store, tmp_path):
    matcher = Model(unknown=(31, 95))
    found = evaluated(store, tmp_path, matcher)
    rows = read_table(tmp_path / "predictions.parquet", PAIR_PREDICTIONS).to_pylist()
    pairs = [made_pairs(part) for part in ("val", "test")]
    assert [row["pair_id"] for row in rows] == [name for one in pairs for name in one.ids]
    assert [row["part"] for row in rows] == ["val"] * 180 + ["test"] * 600
    assert [row["owner_id"] for row in rows] == [f"m{owner}" for one in pairs for owner in one.owners]
    assert [row["candidate_id"] for row in rows] == [f"m{row}" for one in pairs for row in one.candidates]
    assert [row["label"] for row in rows] == [label for one in pairs for label in one.labels]
    logits = np.concatenate([matcher.logits(store, one) for one in pairs])
    written = [math.nan if row["logit"] is None else row["logit"] for row in rows]
    np.testing.assert_array_equal(written, logits)
    assert found["unscored"] == {"val": 3, "test": 5}


def test_pairs_without_a_score_are_undecided(store, tmp_path):
    found = evaluated(store, tmp_path, Model(unknown=tuple(range(30, 210))))
    assert found["unscored"] == {"val": 180, "test": 600}
    assert value(found, "near/auc") == 0.5
    assert value(found, "near/brier") == 0.25
    assert found["temperature"] == 1.0
    # a logit of 0 counts as a match
    assert (value(found, "near/recall"), value(found, "near/accuracy")) == (1.0, 0.5)


def test_a_model_that_is_too_sure_is_cooled(store, tmp_path):
    usual, sure = (evaluated(store, tmp_path, Model(noise=0.6, scale=scale)) for scale in (3.0, 30.0))
    assert sure["temperature"] == pytest.approx(10 * usual["temperature"], rel=1e-3)
    for metric in ("brier", "ece"):
        assert value(sure, f"near/calibrated_{metric}") < value(sure, f"near/{metric}") - 0.05
        assert value(sure, f"near/calibrated_{metric}") == pytest.approx(
            value(usual, f"near/calibrated_{metric}"), abs=1e-3
        )
    assert value(sure, "near/auc") == value(usual, "near/auc")


@pytest.mark.parametrize(("negatives", "calibrated_on"), [("near", "near"), ("uniform", "uniform"), ("mixed", "near")])
def test_val_pairs_of_the_kind_trained_on_calibrate(store, tmp_path, negatives, calibrated_on):
    matcher, val = Model(noise=0.6), made_pairs("val")
    expected = {}
    for name in ("near", "uniform"):
        chosen = val.take(val.places_of(name))
        expected[name] = fit_temperature(chosen.labels, matcher.logits(store, chosen))
    assert expected["near"] != pytest.approx(expected["uniform"], rel=1e-3)
    found = evaluated(store, tmp_path, matcher, negatives=negatives)
    assert found["temperature"] == pytest.approx(expected[calibrated_on])


def test_verdicts_keep_their_promise_where_pairs_are_of_the_same_kind(figures):
    assert set(figures["verdicts"]) == set(SETS["test"])
    for name in ("near", "uniform"):
        found = figures["verdicts"][name]
        assert set(found) == {
            "confirm", "reject", "coverage", "matching_coverage", "other_coverage", "undecided",
        }  # fmt: skip
        assert found["coverage"]["value"] > 0.88
        open_ = 1 - found["confirm"] - found["reject"]
        assert found["undecided"]["value"] == pytest.approx(open_)
    assert figures["thresholds"]["reject_below"] <= figures["thresholds"]["confirm_above"]


def test_too_few_val_pairs_give_no_verdict(store, tmp_path):
    asked = ask(store, Model())
    val = asked.pairs["val"]
    few = {**asked.pairs, "val": val.take(val.owners < 35)}
    found = evaluate(replace(asked, pairs=few), tmp_path / "predictions.parquet")
    assert found["thresholds"] == {"reject_below": None, "confirm_above": None}
    assert (found["verdicts"]["near"]["confirm"], found["verdicts"]["near"]["reject"]) == (0.0, 0.0)
    assert found["verdicts"]["near"]["undecided"]["value"] == 1.0


@pytest.fixture(scope="module")
def transferred(store, tmp_path_factory):
    """A model asked about another data set, of whose 12 test molecules it was trained on two and selected by one."""
    folder = tmp_path_factory.mktemp("transferred")
    other = write_matching_files(folder / "other", 60)
    others = MatchStore.read(other.spectra, other.rendered)
    blocks = list(store.first_blocks)
    blocks[2], blocks[7], blocks[40], blocks[100] = (others.first_blocks[row] for row in (50, 51, 59, 55))
    matcher = Model()
    asked = ask(replace(store, first_blocks=blocks).to("meta"), matcher, transfer="alberts")
    asked = replace(asked, inputs=replace(INPUTS, transfer=(other.spectra, other.rendered, other.pairs)))
    found = evaluate(asked, folder / "predictions.parquet")
    return found, set(matcher.devices), others, read_pairs(other.pairs, others, "test")


def test_another_data_set_is_scored_without_molecules_trained_on(transferred):
    found, _, others, pairs = transferred
    seen = [50, 51, 59]
    kept = pairs.take(~(np.isin(pairs.owners, seen) | np.isin(pairs.candidates, seen)))
    assert found["transfer"] == {"pairs": len(kept), "left_out": len(pairs) - len(kept)}
    assert (kept.sets == "true").sum() == 9
    chosen = kept.take(kept.places_of("uniform"))
    auc = found["parts"]["test"]["matching/alberts_uniform/auc"]
    assert auc["value"] == pytest.approx(area_under_curve(chosen.labels, Model().logits(others, chosen)))
    assert auc["n"] == len(chosen)
    assert value(found, "alberts_near/calibrated_brier") is not None
    assert not [name for name in found["parts"]["test"] if "alberts" in name and "membership" in name]


def test_spectra_of_another_data_set_are_where_the_model_is(transferred):
    assert transferred[1] == {"meta"}
