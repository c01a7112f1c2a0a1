import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.multimodal_transformer import MultimodalTransformer
from spectraflow.methods.symspectra.batch import SpectraBatch
from tests.unit.methods.symspectra.baselines.small_networks import MODALITIES, SMALL, VOCABULARY, check_network, predict

NMR = ["13C", "1H_wide"]


@pytest.mark.parametrize("text", [[], NMR, MODALITIES])
def test_network(text):
    vocabulary = VOCABULARY if text else []
    check_network(lambda: MultimodalTransformer(MODALITIES, 5, SMALL, vocabulary, text), steps=120, rate=0.005)


def test_modalities_read_as_text_are_not_read_from_vectors(batch):
    torch.manual_seed(0)
    model = MultimodalTransformer(MODALITIES, 5, SMALL, VOCABULARY, NMR)
    before = predict(model, batch)
    batch.vectors[:, 1:] = 0
    torch.testing.assert_close(predict(model, batch), before)
    batch.vectors[:, 0] = 0
    assert not torch.allclose(predict(model, batch), before)


def test_text_needs_a_vocabulary_and_tokens(batch):
    with pytest.raises(InputError, match="vocabulary"):
        MultimodalTransformer(MODALITIES, 5, SMALL, (), NMR)
    model = MultimodalTransformer(MODALITIES, 5, SMALL, VOCABULARY, NMR)
    silent = SpectraBatch(batch.vectors, batch.present, batch.labels, batch.rows)
    with pytest.raises(ValueError, match="tokens"):
        model(silent)
