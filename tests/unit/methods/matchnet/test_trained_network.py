"""Networks of run folders, and the backbones behind them."""

import numpy as np
import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.trained_network import images_of, load_trained, maps_of, open_extractor
from tests.unit.methods.matchnet.matching_files import small_run, write_matching_files

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_matching_files(tmp_path_factory.mktemp("trained"), 20)


def test_maps_of_images_are_those_that_were_cached(files):
    extractor = open_extractor(files.features(), small_run(), CPU)
    store = MatchStore.read(files.spectra, files.rendered, files.features())
    cached = store.features.gather(torch.arange(20))
    for nucleus, columns in store.columns.items():
        found = maps_of(extractor, images_of(columns.numpy(), small_run().rendering))
        assert found.dtype == np.float16
        np.testing.assert_allclose(found, cached[nucleus].numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("difference", "message"),
    [
        ({"rendering": {"style": "fill"}}, "made with rendering.style trace, the model with fill"),
        ({"network": {"backbone": {"seed": 7}}}, "made with backbone.seed 0, the model with 7"),
    ],
)
def test_another_backbone_or_rendering_is_refused(files, difference, message):
    with pytest.raises(InputError, match=message):
        open_extractor(files.features(), small_run(**difference), CPU)


def test_a_folder_must_be_given():
    with pytest.raises(InputError, match="give the folder of cached features"):
        open_extractor(None, small_run(), CPU)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"method": "matchnet", "settings": {"kind": "boosted_trees"}}, "boosted_trees"),
        ({"method": "km3aid", "settings": {}}, "km3aid"),
    ],
)
def test_other_runs_are_refused(tmp_path, settings, kind):
    write_json(tmp_path / "settings.json", settings)
    with pytest.raises(InputError, match=f"a run of kind {kind}, not a matching network"):
        load_trained(tmp_path, CPU)
