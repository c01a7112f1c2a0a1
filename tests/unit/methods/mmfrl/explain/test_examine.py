import json

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.explain.examine import ExplanationFiles, encoder_names, explain
from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs, write_graphs
from spectraflow.methods.mmfrl.property_model import PropertyModel, build_model
from spectraflow.methods.mmfrl.property_store import PropertyStore, TaskTables
from spectraflow.methods.mmfrl.settings import (
    EncoderSettings,
    ExplanationSettings,
    PretrainingRun,
    PropertyRun,
    SubgraphSettings,
)
from spectraflow.tables import EMBEDDING_MAP, LATE_PARTS, POSITIVE_SUBGRAPHS, PROPERTIES, SPLITS, read_table
from spectraflow.training import run_folder
from tests.unit.conftest import CHAINS, write_rows

SETTINGS = ExplanationSettings(perplexity=5, neighbours=3, shuffles=3)
TRAIN, VAL, TEST = 24, 4, 8
ENCODER = EncoderSettings(hidden=8, depth=2)


@pytest.fixture
def task(tmp_path):
    """36 chains of a task with two targets; the first molecule of the test part was not measured."""

    def make(kind):
        rows, parts = [], ["train"] * TRAIN + ["val"] * VAL + ["test"] * TEST
        for n, smiles in enumerate(list(dict.fromkeys(CHAINS))[: len(parts)]):
            first = float(smiles.count("O") > 0) if kind == "classification" else float(len(smiles))
            first = None if n == TRAIN + VAL else first
            rows.append(
                {"molecule_id": f"t:{n}", "row": n, "smiles": smiles, "scaffold": "", "targets": [first, float(n % 2)]}
            )
        properties = write_rows(tmp_path / "properties", PROPERTIES, rows)
        split = [{"molecule_id": row["molecule_id"], "part": part} for row, part in zip(rows, parts, strict=True)]
        counts = tmp_path / "counts.json"
        counts.write_text(json.dumps({"kind": kind, "targets": ["first", "second"]}))
        write_graphs(properties, tmp_path / "graphs")
        return TaskTables(properties, counts, write_rows(tmp_path / "split", SPLITS, split), tmp_path / "graphs")

    return make


@pytest.fixture
def files(tmp_path):
    out = tmp_path / "out"
    return ExplanationFiles(out / "found.json", out / "map", out / "late", out / "subgraphs", out / "drawings")


def saved(tables, folder, change=None, **settings):
    """The run folder of an untrained model, perhaps changed."""
    store = PropertyStore.read(tables)
    run = PropertyRun.model_validate({"encoder": ENCODER, "head": 8, **settings})
    network = build_model(run, len(store.names))
    if change is not None:
        with torch.no_grad():
            change(network)
    graphs = MolecularGraphs.read(tables.graphs)
    PropertyModel(run, store.names, store.kind, store.scale, network, graphs).save(folder / run_folder.WEIGHTS)
    return folder


def test_intermediate_fusion(task, files, tmp_path):
    tables = task("regression")
    run = saved(tables, tmp_path / "run", kind="intermediate", encoders=2)
    found = explain(SETTINGS, run, tables, files)
    assert found == json.loads(files.summary.read_text())
    assert found["encoders"] == ["scratch 1", "scratch 2"]
    assert found["late"] is None
    assert found["subgraphs"] is None
    assert set(found["embeddings"]["finetuned"]) == {"scratch 1", "scratch 2", "fused"}
    assert "pretrained" not in found["embeddings"]
    similarity = found["similarity"]["finetuned"]
    assert similarity["molecules"] == TEST
    assert len(similarity["pairs"]) == 3
    positions = read_table(files.positions, EMBEDDING_MAP).to_pylist()
    assert len(positions) == 3 * (TRAIN + VAL + TEST)
    assert sum(row["part"] == "test" for row in positions) == 3 * TEST
    assert {row["target"] for row in positions if row["molecule_id"] == f"t:{TRAIN + VAL}"} == {None}
    assert read_table(files.late_parts, LATE_PARTS).num_rows == 0
    assert read_table(files.subgraphs, POSITIVE_SUBGRAPHS).num_rows == 0
    assert list(files.drawings.iterdir()) == [], "a folder without drawings, which the rule asks for"


def test_late_fusion_in_the_units_of_the_model(task, files, tmp_path):
    tables = task("regression")

    def silence_the_second(network):
        for parameter in network.weighers[1].parameters():
            parameter.zero_()
        network.weighers[0][-1].bias.fill_(1.0)

    run = saved(tables, tmp_path / "run", silence_the_second, kind="late", encoders=2)
    late = explain(SETTINGS, run, tables, files)["late"]
    assert late["encoders"]["scratch 2"]["active"] == 0
    assert late["encoders"]["scratch 1"]["variance_share"] == pytest.approx(1)
    assert late["encoders"]["scratch 1"]["without"]["n"] == TEST - 1, "one was not measured"
    rows = read_table(files.late_parts, LATE_PARTS).to_pylist()
    assert [row["encoder"] for row in rows[:2]] == ["scratch 1", "scratch 2"]
    assert len(rows) == 2 * TEST
    for row in rows:
        assert row["product"] == pytest.approx(row["coefficient"] * row["prediction"], abs=1e-6)
    store = PropertyStore.read(tables)
    model_outputs = np.array([a["product"] + b["product"] for a, b in zip(rows[::2], rows[1::2], strict=True)])
    scale, measured = store.scale, store.measured("test")[:, 0]
    standardised = (measured - scale.mean[0].item()) / scale.sd[0].item()
    with_all = np.sqrt(np.nanmean((model_outputs - standardised) ** 2))
    known = np.isfinite(measured)
    with_mean = np.sqrt(((model_outputs[known].mean() - standardised[known]) ** 2).mean())
    assert late["encoders"]["scratch 1"]["without"]["value"] == pytest.approx(with_mean - with_all, abs=1e-5)


def test_positive_subgraphs_of_a_classifier(task, files, tmp_path):
    tables = task("classification")

    def call_everything_positive(network):
        network.head.last.bias.fill_(50.0)

    run = saved(tables, tmp_path / "run", call_everything_positive, kind="dmpnn")
    settings = SETTINGS.model_copy(update={"subgraphs": SubgraphSettings(smallest=1)})
    found = explain(settings, run, tables, files)
    assert found["subgraphs"]["searched"] == found["subgraphs"]["found"] == TEST
    assert found["subgraphs"]["random_positive"]["value"] == 1, "the control shows a classifier without an opinion"
    rows = read_table(files.subgraphs, POSITIVE_SUBGRAPHS).to_pylist()
    assert {len(row["atoms"]) for row in rows} == {1}
    assert len(list(files.drawings.iterdir())) == TEST
    assert found["encoders"] == ["scratch"]


def test_a_classifier_that_calls_nothing_positive(task, files, tmp_path):
    tables = task("classification")

    def call_everything_negative(network):
        network.head.last.bias.fill_(-50.0)

    run = saved(tables, tmp_path / "run", call_everything_negative, kind="dmpnn")
    assert explain(SETTINGS, run, tables, files)["subgraphs"]["found"] == 0
    assert list(files.drawings.iterdir()) == []


def test_embeddings_before_fine_tuning(task, files, tmp_path, monkeypatch):
    """The encoders as they were pre-trained are shown beside those of the run, in the order of the run."""
    import spectraflow.methods.mmfrl.explain.examine as examine

    given = []

    def load(network, settings, folders):
        given.extend(folders)
        with torch.no_grad():
            for parameter in network.encoders[1].parameters():
                parameter.zero_()

    monkeypatch.setattr(examine, "load_pretrained", load)
    tables = task("regression")
    pretraining = [PretrainingRun(modality=name, encoder=ENCODER) for name in ("smiles", "nmr")]
    run = saved(tables, tmp_path / "run", kind="intermediate", pretraining=pretraining)
    found = explain(SETTINGS, run, tables, files, [tmp_path / "one", tmp_path / "two"])
    assert given == [tmp_path / "one", tmp_path / "two"]
    (before,) = found["similarity"]["pretrained"]["pairs"]
    assert (before["one"], before["other"], before["cka"]) == ("smiles", "nmr", None)
    assert found["similarity"]["finetuned"]["pairs"][0]["cka"] is not None
    assert set(found["embeddings"]["pretrained"]) == {"smiles", "nmr"}
    stages = {row["stage"] for row in read_table(files.positions, EMBEDDING_MAP).to_pylist()}
    assert stages == {"pretrained", "finetuned"}


def test_maps_are_drawn_of_some_molecules(task, files, tmp_path):
    tables = task("regression")
    run = saved(tables, tmp_path / "run")
    found = explain(SETTINGS.model_copy(update={"mapped": 12}), run, tables, files)
    assert found["embeddings"]["molecules"] == 12
    assert len({row["molecule_id"] for row in read_table(files.positions, EMBEDDING_MAP).to_pylist()}) == 12


def test_names_of_encoders():
    runs = [PretrainingRun(modality=name) for name in ("nmr", "smiles", "nmr")]
    assert encoder_names(PropertyRun(kind="late", pretraining=runs)) == ["nmr 1", "smiles", "nmr 2"]


def test_what_does_not_fit_is_refused(task, files, tmp_path):
    tables = task("regression")
    run = saved(tables, tmp_path / "run")
    with pytest.raises(InputError, match="none is number 2"):
        explain(ExplanationSettings(target=2), run, tables, files)
    with pytest.raises(InputError, match="needs the graphs"):
        explain(SETTINGS, run, TaskTables(tables.properties, tables.counts, tables.split), files)
    with pytest.raises(InputError, match="other targets"):
        explain(SETTINGS, run, task("classification"), files)
    assert not files.summary.exists()


def test_models_without_encoders_are_refused(task, files, tmp_path):
    tables = task("regression")
    run = saved(tables, tmp_path / "run", kind="attentivefp")
    with pytest.raises(InputError, match="attentivefp"):
        explain(SETTINGS, run, tables, files)


def test_graphs_of_other_molecules_are_refused(task, files, tmp_path):
    tables = task("regression")
    run = saved(tables, tmp_path / "run")
    other = write_rows(tmp_path / "other", PROPERTIES, [{"molecule_id": "x", "row": 0, "smiles": "CC", "scaffold": ""}])
    write_graphs(other, tables.graphs)
    with pytest.raises(InputError, match="not the graphs of"):
        explain(SETTINGS, run, tables, files)
