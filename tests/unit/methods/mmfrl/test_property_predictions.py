import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.property_predictions import read_predictions, write_predictions
from spectraflow.methods.mmfrl.property_store import PropertyStore
from spectraflow.tables import PROPERTY_PREDICTIONS, write_table
from tests.unit.methods.mmfrl.small_tasks import NAMES, class_targets, write_task


def test_predictions_come_back_as_written(tmp_path):
    store = PropertyStore.read(write_task(tmp_path, class_targets(), NAMES, "classification"))
    generator = np.random.default_rng(0)
    written = {part: generator.random((len(store.parts[part]), 3)).astype(np.float32) for part in ("val", "test")}
    path = tmp_path / "predictions.parquet"
    write_predictions(path, store, written)
    for part, values in written.items():
        found = read_predictions(path, part)
        np.testing.assert_array_equal(found.predicted, values)
        np.testing.assert_array_equal(found.measured, store.measured(part))
        assert found.molecule_ids == [store.molecule_ids[row] for row in store.parts[part].tolist()]
    with pytest.raises(InputError, match="no predictions of train"):
        read_predictions(path, "train")


def test_rows_of_different_lengths_are_refused(tmp_path):
    path = tmp_path / "predictions.parquet"
    columns = {"molecule_id": ["a", "b"], "part": ["test", "test"], "measured": [[1.0], [1.0, 0.0]]}
    write_table(path, PROPERTY_PREDICTIONS, {**columns, "predicted": [[1.0], [1.0, 0.0]]})
    with pytest.raises(InputError, match="different numbers of targets"):
        read_predictions(path, "test")
