import pytest

from spectraflow.files import read_json
from spectraflow.methods.km3aid.isomers import recognise_isomers
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.train import build_model
from spectraflow.retrieval.settings import IsomerSettings
from spectraflow.tables import ISOMER_SCORES, read_table
from spectraflow.training.checkpoint import save_checkpoint

RUN = Km3aidRun.model_validate(
    {"model": {"layers": 2, "dim": 16, "projection": 16}, "spectrum_encoder": {"mode": "joint"}}
)


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.csv"
    path.write_text("experiment,setting\nisomers,formula=C4H10O;n=7\n")
    return path


def test_isomers_of_a_run_are_scored_by_dot_products(alignment_files, published, tmp_path):
    run = tmp_path / "run"
    save_checkpoint(run / "model.safetensors", dict(build_model(RUN).state_dict()), {"settings": RUN.model_dump()})
    names = ("alignment", "graphs", "molecules", "split")
    paths = [alignment_files[name] for name in names]
    scores, metrics = tmp_path / "isomer_scores.parquet", tmp_path / "isomers.json"
    recognise_isomers(IsomerSettings(least_members=3), run, *paths, published, scores, metrics)
    found = read_json(metrics)
    listed = [group for group in found["groups"] if group["scope"] == "listed"]
    assert listed
    assert all(group["members"] >= 3 or group["published"] for group in listed)
    rank1 = found["metrics"]["isomers/listed/rank1"]
    assert 0 <= rank1["value"] <= 1
    assert rank1["n"] == sum(group["queries"] for group in listed if group["members"] >= 3)
    table = read_table(scores, ISOMER_SCORES)
    assert table.num_rows == sum(group["queries"] * group["members"] for group in listed)
