"""Answers to a user's own questions are those that the model gave its test pairs."""

import csv
import math

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import probabilities
from spectraflow.files import read_json, write_json
from spectraflow.methods.matchnet.predict import Judgement, predict_matches
from spectraflow.tables import MATCHING_SPECTRA, PAIR_PREDICTIONS, read_table


def written(values, areas=None):
    counts = [1.0] * len(values) if areas is None else areas
    return ";".join(f"{ppm}x{count}" for ppm, count in zip(values, counts, strict=True))


def ask_about_test_pairs(run, path):
    """Ask about every test pair of a run, and about rubbish in between; return the logits it had."""
    spectra = {row["molecule_id"]: row for row in read_table(run.files.spectra, MATCHING_SPECTRA).to_pylist()}
    pairs = read_table(run.folder / "predictions.parquet", PAIR_PREDICTIONS).to_pylist()
    pairs = [pair for pair in pairs if pair["part"] == "test"]
    with path.open("w", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["query_id", "smiles", "proton_ppm", "carbon_ppm"])
        for place, pair in enumerate(pairs):
            owner = spectra[pair["owner_id"]]
            protons = written(owner["proton_ppm"], owner["proton_area"])
            carbons = written(owner["carbon_ppm"], owner["carbon_area"])
            writer.writerow([pair["pair_id"], spectra[pair["candidate_id"]]["smiles"], protons, carbons])
            if place == 2:
                writer.writerow(["rubbish", "no molecule", "1.2", "18"])
    return {pair["pair_id"]: pair["logit"] for pair in pairs}


def answers(path):
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("spectra", ["vectors", "images", "peaks"])
def test_answers_are_those_of_the_run(trained_networks, tmp_path, spectra):
    run = trained_networks(spectra)
    logits = ask_about_test_pairs(run, tmp_path / "queries.csv")
    features = run.inputs.features
    counts = predict_matches(run.folder, tmp_path / "queries.csv", tmp_path / "out.csv", features)
    assert counts == {"queries": len(logits) + 1, "answered": len(logits)}
    rows = answers(tmp_path / "out.csv")
    assert [row["query_id"] for row in rows] == [*list(logits)[:3], "rubbish", *list(logits)[3:]]
    rubbish = rows.pop(3)
    assert (rubbish["probability"], rubbish["verdict"]) == ("", "")
    assert rubbish["problem"] == "'no molecule' cannot be read as a SMILES"
    expected = probabilities(np.array(list(logits.values())) / run.metrics["temperature"])
    np.testing.assert_allclose([float(row["probability"]) for row in rows], expected, atol=2e-3)
    assert {row["problem"] for row in rows} == {""}


def test_verdicts_begin_at_the_thresholds():
    judgement = Judgement(2.0, -1.0, 3.0)
    assert [judgement.verdict(logit) for logit in (-1.5, -1.0, 0.0, 3.0, 3.5)] == [
        "reject", "undecided", "undecided", "undecided", "confirm",
    ]  # fmt: skip
    assert judgement.probabilities(np.array([2.0]))[0] == pytest.approx(1 / (1 + math.exp(-1)))


def test_without_thresholds_nothing_is_decided(tmp_path):
    write_json(
        tmp_path / "metrics.json",
        {"temperature": 1.5, "thresholds": {"reject_below": None, "confirm_above": None}},
    )
    judgement = Judgement.of_run(tmp_path)
    assert judgement.temperature == 1.5
    assert {judgement.verdict(logit) for logit in (-1e9, 1e9)} == {"undecided"}


@pytest.mark.parametrize("metrics", [None, {}, {"temperature": 1.0}, {"temperature": None, "thresholds": {}}])
def test_metrics_that_do_not_tell_are_named(tmp_path, metrics):
    if metrics is not None:
        write_json(tmp_path / "metrics.json", metrics)
    with pytest.raises(InputError, match=r"metrics\.json: no temperature and thresholds"):
        Judgement.of_run(tmp_path)


def test_a_model_of_images_needs_its_backbone(trained_networks, tmp_path):
    run = trained_networks("images")
    (tmp_path / "queries.csv").write_text("query_id,smiles,proton_ppm,carbon_ppm\nq,CCO,1.2,18\n")
    with pytest.raises(InputError, match="give the folder of cached features"):
        predict_matches(run.folder, tmp_path / "queries.csv", tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_file_of_rubbish_alone_is_answered_with_problems(trained_networks, tmp_path):
    run = trained_networks("vectors")
    (tmp_path / "queries.csv").write_text("query_id,smiles,proton_ppm,carbon_ppm\nq,CCO,,18\n")
    counts = predict_matches(run.folder, tmp_path / "queries.csv", tmp_path / "out.csv")
    assert counts == {"queries": 1, "answered": 0}
    assert answers(tmp_path / "out.csv")[0]["problem"] == "no 1H shifts"


def test_other_kinds_are_refused(trained_networks, tmp_path):
    settings = read_json(trained_networks("vectors").folder / "settings.json")
    settings["settings"]["kind"] = "line_counts"
    write_json(tmp_path / "settings.json", settings)
    with pytest.raises(InputError, match="a run of kind line_counts, not a matching network"):
        predict_matches(tmp_path, tmp_path / "queries.csv", tmp_path / "out.csv")
