"""Which files a run needs, and which are part of what a checkpoint was written for."""

from pathlib import Path

import pytest

from spectraflow.errors import ConfigError
from spectraflow.methods.matchnet.inputs import Inputs
from tests.unit.methods.matchnet.matching_files import small_run

TABLES = tuple(Path(name) for name in ("spectra.parquet", "rendered.parquet", "pairs.parquet"))
OTHERS = tuple(Path("other") / path for path in TABLES)
IMAGES = {"network": {"spectra": "images"}}


def test_all_files_there_are_count():
    assert Inputs(*TABLES).paths == list(TABLES)
    features, scores = Path("features"), Path("scores.parquet")
    assert set(Inputs(*TABLES, features, scores, OTHERS).paths) == {
        *TABLES, *OTHERS, scores, features / "features.json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (IMAGES, "a model of images needs cached features: give --features"),
        (
            {"kind": "shift_model", "scores": "a model"},
            "kind shift_model needs the scores of that model: give --scores",
        ),
        ({"kind": "alignment_model", "scores": "a model"}, "kind alignment_model needs the scores"),
        ({"transfer": "alberts"}, "transfer needs three files"),
    ],
    ids=["features", "scores of shifts", "scores of alignments", "transfer"],
)
def test_a_file_that_was_not_given_is_named(settings, message):
    with pytest.raises(ConfigError, match=message):
        Inputs(*TABLES).check(small_run(**settings))


def test_transfer_takes_three_files():
    settings = small_run(transfer="alberts")
    with pytest.raises(ConfigError, match="transfer needs three files"):
        Inputs(*TABLES, transfer=OTHERS[:2]).check(settings)
    Inputs(*TABLES, transfer=OTHERS).check(settings)
    Inputs(*TABLES).check(settings, transferred=False)  # an examination stays with the run's own data set


@pytest.mark.parametrize(
    "settings",
    [{}, {"network": {"spectra": "images", "blind": "spectra"}}, {**IMAGES, "kind": "line_counts"}],
    ids=["vectors", "blind", "line counts"],
)
def test_what_a_run_does_not_read_need_not_be_given(settings):
    Inputs(*TABLES).check(small_run(**settings))
