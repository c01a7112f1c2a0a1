import numpy as np
import pytest
import torch
from rdkit import Chem
from scipy.stats import spearmanr

from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts
from spectraflow.methods.mmfrl.pretraining_store import PretrainingStore
from spectraflow.methods.mmfrl.pretraining_task import (
    Learner,
    PretrainingTask,
    _rank_correlation,
    find_temperatures,
)
from spectraflow.methods.mmfrl.temperatures import effective_neighbours
from spectraflow.training.devices import make_fabric
from spectraflow.training.fit import fit
from spectraflow.training.seeds import seed_torch
from tests.unit.methods.mmfrl.small_pretraining import SMILES, small_run, write_pretraining

SHARP = {"tau_student": 0.1, "tau_target": "auto", "effective_neighbours": 4.0, "include_self": False}
WIDE = {"fingerprint": {}, "peak": {"peak_kernel": "laplace", "effective_neighbours": 20.0}}
"""Peak has carbons for neighbours, of which the toy molecules have many with equal shifts."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_pretraining(tmp_path_factory.mktemp("pretraining"))


@pytest.fixture
def nmr(tmp_path):
    path = tmp_path / "nmr.npy"
    np.save(path, np.random.default_rng(0).normal(size=(len(SMILES), 4)).astype(np.float16))
    return path


def small_task(files, targets=None, **differences):
    settings = small_run(**differences)
    seed_torch(0)
    store = PretrainingStore.read(settings, files.pretraining, files.graphs, targets or {})
    return PretrainingTask(Learner(settings), store, settings, find_temperatures(store, settings))


def test_targets_of_early_fusion_sum_to_one_and_are_mixed_by_weight(files, nmr):
    rows = torch.arange(12)
    early = small_task(files, {"nmr": nmr}, modality="early", weights={"nmr": 0.7, "fingerprint": 0.3}, loss=SHARP)
    parts = [small_task(files, {"nmr": nmr}, modality=one, loss=SHARP).targets(rows) for one in ("nmr", "fingerprint")]
    mixture = early.targets(rows)
    torch.testing.assert_close(mixture.sum(1), torch.ones(12))
    torch.testing.assert_close(mixture, 0.7 * parts[0] + 0.3 * parts[1])


def test_automatic_temperatures_give_the_wanted_neighbours(files):
    task = small_task(files, loss=SHARP)
    rows = task.store.parts.train[:16]
    assert effective_neighbours(task.targets(rows)) == pytest.approx(4, abs=1)
    assert task.temperatures["fingerprint"] != 1
    with pytest.raises(ConfigError, match="cannot be reached"):
        small_task(files, loss={**SHARP, "effective_neighbours": 16.0})


@pytest.mark.parametrize("modality", ["fingerprint", "peak"])
@pytest.mark.parametrize("loss", [SHARP, {**SHARP, "direction": "row+col"}])
def test_a_batch_gives_gradients_to_every_weight(files, modality, loss):
    task = small_task(files, modality=modality, loss={**loss, **WIDE[modality], "projection": "mlp"})
    batch = next(iter(task.training_batches(torch.Generator().manual_seed(0), 0)))
    value, figures = task.loss(task.model, batch)
    value.backward()
    assert float(figures["excess"]) > 0
    for name, parameter in task.model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().max() > 0, name


def shuffled(smiles: str, seed: int) -> str:
    mol = Chem.MolFromSmiles(smiles)
    order = np.random.default_rng(seed).permutation(mol.GetNumAtoms()).tolist()
    return Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)


def test_the_order_of_atoms_does_not_change_the_node_loss(files, tmp_path):
    other = write_pretraining(tmp_path, [shuffled(text, seed) for seed, text in enumerate(SMILES)])
    losses = []
    for one in (files, other):
        task = small_task(one, modality="peak", loss={"peak_kernel": "laplace"})
        task.store = task.store.__class__(
            **{**vars(task.store), "parts": PretrainingParts(torch.arange(80), torch.arange(9))}
        )
        losses.append(task.validate(task.model.eval())["val/loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


@pytest.mark.parametrize("modality", ["fingerprint", "peak"])
def test_training_lowers_the_excess_on_held_out_molecules(files, tmp_path, modality):
    task = small_task(
        files, modality=modality, loss={**SHARP, **WIDE[modality]}, training={"epochs": 12, "learning_rate": 1e-2}
    )
    before = task.validate(task.model.eval())
    fit(task, task.settings.training, make_fabric(), tmp_path / "fit.safetensors", "test")
    after = task.validate(task.model.eval())
    assert after["val/excess"] < 0.8 * before["val/excess"]
    assert after["val/spearman"] > before["val/spearman"]


def test_rank_correlation_is_scipys_off_the_diagonal():
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randint(0, 9, (6, 6), generator=generator).float() for _ in range(2))
    pairs = ~np.eye(6, dtype=bool)
    expected = spearmanr(one.numpy()[pairs], other.numpy()[pairs]).statistic
    assert _rank_correlation(one, other) == pytest.approx(expected)
    assert _rank_correlation(one, torch.ones(6, 6)) == 0
