import pytest
import torch

from spectraflow.methods.mmfrl.image_modality import image_autoencoder, image_task
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.settings import ImageEncoderSettings
from spectraflow.settings import TrainingSettings
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit
from spectraflow.training.seeds import seed_torch
from tests.unit.methods.mmfrl.small_pretraining import SMILES

PARTS = PretrainingParts(torch.arange(60), torch.arange(60, 80))


@pytest.mark.parametrize(("size", "channels"), [(224, [2, 2, 2, 2, 3]), (32, [2, 2, 2, 2, 3]), (64, [4, 8])])
def test_the_decoder_mirrors_the_encoder(size, channels):
    network = image_autoencoder(ImageEncoderSettings(size=size, channels=channels, dim=5))
    shown = torch.rand(2, 1, size, size)
    assert network.encoder(shown).shape == (2, 5)
    assert network(shown).shape == shown.shape


def test_training_draws_ink_where_there_is_ink(tmp_path):
    training = TrainingSettings(epochs=10, batch_size=16, learning_rate=1e-2)
    settings = ImageEncoderSettings(size=32, channels=[8, 16], dim=16, training=training)
    seed_torch(0)
    task = image_task(settings, SMILES, PARTS, torch.device("cpu"))
    history = fit(task, training, make_fabric(), tmp_path / "fit.safetensors", "test")
    losses = history.monitored("val/loss")
    assert min(losses) < 0.7 * losses[0]
    overlaps = [record["val/overlap"] for record in history.records]
    assert overlaps[history.best_epoch] > max(0.05, overlaps[0])
    embeddings = task.embeddings(torch.arange(80))
    assert embeddings.shape == (80, 16)
    alone = task.embeddings(torch.tensor([7]))
    torch.testing.assert_close(alone[0], embeddings[7], atol=1e-4, rtol=1e-3)
