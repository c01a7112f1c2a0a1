import math
from collections import Counter

import pytest
import torch

from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.settings import SmilesEncoderSettings
from spectraflow.methods.mmfrl.smiles_modality import (
    MASK,
    PAD,
    UNKNOWN,
    SmilesVocabulary,
    TokenStore,
    mask_tokens,
    smiles_task,
)
from spectraflow.settings import TrainingSettings
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit
from spectraflow.training.seeds import seed_torch
from tests.unit.methods.mmfrl.small_pretraining import SMILES

PARTS = PretrainingParts(torch.arange(60), torch.arange(60, 80))


def small_settings(**differences):
    training = TrainingSettings(epochs=12, batch_size=16, learning_rate=3e-3, weight_decay=0.0)
    return SmilesEncoderSettings(**{"layers": 1, "heads": 2, "dim": 16, "training": training, **differences})


def small_task(settings):
    seed_torch(0)
    return smiles_task(settings, SMILES, PARTS, torch.device("cpu"))


def test_tokens_are_atoms_and_ring_numbers():
    vocabulary = SmilesVocabulary(["C[C@@H](Cl)Br%12"])
    assert len(vocabulary) == 3 + 7  # C [C@@H] ( Cl ) Br %12, and three of our own
    assert vocabulary.codes("N", 5) == [UNKNOWN]
    assert len(vocabulary.codes("C[C@@H](Cl)Br%12", 100)) == 7
    assert len(vocabulary.codes("CCCC", 3)) == 3


def test_the_vocabulary_is_that_of_training_molecules():
    store = TokenStore.encode(["CCO", "CN"], torch.tensor([0]), 10)
    assert store.padded(torch.tensor([1]))[0].tolist()[1] == UNKNOWN


def test_rows_are_padded_in_their_order():
    store = TokenStore.encode(["CCO", "C", "OC"], torch.arange(3), 10)
    padded = store.padded(torch.tensor([2, 1, 0]))
    carbon, oxygen = 3, 4
    assert padded.tolist() == [[oxygen, carbon, PAD], [carbon, PAD, PAD], [carbon, carbon, oxygen]]


def test_masks_hide_the_wanted_share_and_never_padding():
    codes = torch.full((50, 40), 5)
    codes[:, 30:] = PAD
    found = mask_tokens(codes, 0.2, 12, torch.Generator().manual_seed(0))
    assert not found.masked[:, 30:].any()
    assert float(found.masked[:, :30].float().mean()) == pytest.approx(0.2, abs=0.03)
    assert (found.shown[~found.masked] == codes[~found.masked]).all()
    assert float((found.shown[found.masked] == MASK).float().mean()) == pytest.approx(0.8, abs=0.06)
    assert (found.true == codes).all()


def test_at_least_one_token_is_masked():
    found = mask_tokens(torch.tensor([[4, 5, PAD]]), 0.0, 9, torch.Generator().manual_seed(3))
    assert int(found.masked.sum()) == 1


def test_an_epoch_shows_every_full_batch_once_with_similar_lengths_together():
    task = small_task(small_settings())
    batches = list(task.training_batches(torch.Generator().manual_seed(0), 0))
    assert [len(batch.true) for batch in batches] == [16, 16, 16]
    spread = [int((b.true != PAD).sum(1).max() - (b.true != PAD).sum(1).min()) for b in batches]
    assert sum(spread) < 3 * 6


def test_training_beats_the_frequencies_of_tokens(tmp_path):
    settings = small_settings()
    task = small_task(settings)
    history = fit(task, settings.training, make_fabric(), tmp_path / "fit.safetensors", "test")
    counts = Counter(task.store.codes.values.tolist())
    total = sum(counts.values())
    entropy = -sum(count / total * math.log(count / total) for count in counts.values())
    assert min(history.monitored("val/loss")) < entropy - 0.1


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="3 attention heads do not divide a width of 16"):
        small_settings(heads=3)


def test_embeddings_do_not_depend_on_the_batch():
    task = small_task(small_settings())
    together = task.embeddings(torch.arange(80))
    alone = torch.cat([task.embeddings(torch.tensor([row])) for row in (0, 41, 79)])
    torch.testing.assert_close(together[[0, 41, 79]], alone, atol=1e-5, rtol=1e-4)
    assert together.shape == (80, 16)
    assert not task.embeddings(torch.tensor([3])).requires_grad
