import json

import numpy as np
from typer.testing import CliRunner

from spectraflow.files import read_json
from spectraflow.methods.mmfrl.commands_tasks import app
from tests.unit.methods.mmfrl.small_tasks import SMALL, number_targets, write_task


def test_train_and_compare(tmp_path):
    tables = write_task(tmp_path / "task", number_targets(), ["size"], "regression")
    files = {"properties": tables.properties, "counts": tables.counts, "split": tables.split, "graphs": tables.graphs}
    options = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    for kind in ("mean", "forest"):
        settings = json.dumps({**SMALL, "kind": kind})
        folders = ["--out", str(tmp_path / kind), "--checkpoints", str(tmp_path / "checkpoints")]
        done = CliRunner().invoke(app, ["train", "--settings", settings, *options, *folders])
        assert done.exit_code == 0, done.output
    out = tmp_path / "comparison.json"
    arguments = ["compare", "--one", str(tmp_path / "forest"), "--other", str(tmp_path / "mean"), "--out", str(out)]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    (task,) = read_json(out)["tasks"]
    assert task["difference"]["gain"] > 0
    assert np.isclose(
        task["one"], read_json(tmp_path / "forest/metrics.json")["parts"]["test"]["property/rmse"]["value"]
    )


def test_a_missing_table_is_a_message(tmp_path):
    nowhere = str(tmp_path / "none")
    options = [
        text for name in ("properties", "counts", "split", "out", "checkpoints") for text in (f"--{name}", nowhere)
    ]
    done = CliRunner().invoke(app, ["train", "--settings", "{}", *options])
    assert done.exit_code == 1
