import pytest

from spectraflow.methods.symspectra.batch import SpectraBatch
from tests.unit.methods.symspectra.baselines.small_networks import make_batch


@pytest.fixture
def batch() -> SpectraBatch:
    return make_batch()
