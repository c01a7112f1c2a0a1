"""Small trainings that one process and several must agree on: imported by a test, or run by torchrun."""

import sys
import warnings
from pathlib import Path

import pyarrow as pa
import torch
from rdkit import Chem
from torch import Tensor, nn

from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.objective import matching_loss
from spectraflow.methods.km3aid.settings import Km3aidRun
from spectraflow.methods.km3aid.spectrum_pretraining import GraphPartner, PairTask, SpectrumPair
from spectraflow.methods.km3aid.train import Km3aidTask, build_model
from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import MatchTask, fixed_examples
from spectraflow.methods.matchnet.fitting import Trained as TrainedMatcher
from spectraflow.methods.matchnet.matchers import build_network as build_matcher
from spectraflow.methods.matchnet.pair_table import read_pairs
from spectraflow.methods.mmfrl.pretraining_store import PretrainingStore
from spectraflow.methods.mmfrl.pretraining_task import Learner, PretrainingTask, find_temperatures
from spectraflow.methods.shifts.data import ShiftStore, _all_walks
from spectraflow.methods.shifts.settings import ShiftsRun
from spectraflow.methods.shifts.train import ShiftTask, build_network
from spectraflow.methods.symspectra.data import SpectraStore
from spectraflow.methods.symspectra.fitting import Augmenter, GroupTask, Trained
from spectraflow.methods.symspectra.imbalance import PlainLoss
from spectraflow.methods.symspectra.models import Context
from spectraflow.methods.symspectra.models import build_model as build_group_model
from spectraflow.methods.symspectra.settings import SymspectraRun
from spectraflow.molecules.graphs import graph_columns
from spectraflow.settings import TrainingSettings
from spectraflow.spectra.binning import bin_shifts
from spectraflow.store.graphs import GraphStore
from spectraflow.store.ragged import Ragged
from spectraflow.tables import GRAPHS
from spectraflow.training.batch_norm import share_batch_norms
from spectraflow.training.devices import make_fabric
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import Record, Task, fit
from tests.unit.conftest import CHAINS, toy_shift
from tests.unit.methods.matchnet.matching_files import small_run, write_matching_files
from tests.unit.methods.mmfrl.small_pretraining import SMILES, write_pretraining
from tests.unit.methods.mmfrl.small_pretraining import small_run as small_pretraining
from tests.unit.methods.symspectra.small_spectra import MODALITIES, NAMES, make_settings

FIT = {"epochs": 2, "batch_size": 15, "learning_rate": 3e-3, "gradient_clip": 1.0}
KM3AID = {
    "model": {
        "layers": 2,
        "dim": 16,
        "projection": 16,
        "dropout": 0.0,
        "projection_dropout": 0.0,
        "ppm_scale": "standard",
        "shift_head": True,
    },
    "objective": {"shift_weight": 1.0},
    "training": FIT,
}
SHIFTS = {"model": {"layers": 2, "dim": 16, "dropout": 0.0}, "training": FIT}
SYMSPECTRA = {
    "network": {"gate": "off"},
    "objective": {"truth_probability": 1.0, "truth_decay": 1.0, "beta": 0.1},
    "training": FIT,
}
ROWS = 40
"""Of the toy molecules; their batches of 15 give two processes 8 and 7 molecules, and unequal numbers of atoms."""


def toy_stores() -> tuple[AlignmentStore, ShiftStore]:
    """Chains with shifts that can be learnt, each molecule with 13C shifts of all its carbons."""
    smiles = list(dict.fromkeys(Chem.CanonSmiles(text) for text in CHAINS))[:ROWS]
    names = [f"toy:{number}" for number in range(len(smiles))]
    table = pa.Table.from_pydict({"molecule_id": pa.array(names), **graph_columns(smiles)}, schema=GRAPHS)
    graphs = GraphStore.from_table(table)
    rows, counts = [], [0]
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        carbons = [atom for atom in mol.GetAtoms() if atom.GetAtomicNum() == 6]
        rows += [[a.GetIdx(), toy_shift(mol, a), min(3, a.GetTotalNumHs())] for a in carbons]
        counts.append(len(rows))
    values, offsets = torch.tensor(rows, dtype=torch.int32), torch.tensor(counts)
    bins = torch.from_numpy(bin_shifts(values[:, 1].numpy()))
    alignment = AlignmentStore(graphs, Ragged(values, offsets), Ragged(bins, offsets), names)
    atoms, bonds = _all_walks(graphs)
    nucleus = torch.arange(len(values), dtype=torch.int32) % 3 == 0  # some of them stand for protons
    labels = torch.stack([values[:, 0], nucleus.int(), torch.zeros_like(values[:, 0]), values[:, 1]], 1)
    walks = Ragged(atoms, graphs.atoms.offsets), Ragged(bonds, graphs.bonds.offsets)
    return alignment, ShiftStore(graphs, *walks, Ragged(labels, offsets), names)


def km3aid_task(store: AlignmentStore, settings: Km3aidRun) -> Task:
    encoded = torch.randn(len(store), 768, generator=torch.Generator().manual_seed(0))
    return Km3aidTask(
        build_model(settings), store.with_embeddings(encoded), torch.arange(30), torch.arange(30, 40), settings
    )


def pretraining_task(store: AlignmentStore) -> Task:
    torch.manual_seed(0)
    pair = SpectrumPair(GraphPartner(16))
    for module in pair.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return PairTask(pair, store, [], None, torch.arange(30), torch.arange(30, 40), 15)


def shift_task(store: ShiftStore, settings: ShiftsRun) -> Task:
    return ShiftTask(build_network(settings), store, torch.arange(30), torch.arange(30, 40), settings)


def group_task(settings: SymspectraRun) -> Task:
    """Every third molecule lacks one of its spectra."""
    generator = torch.Generator().manual_seed(3)
    present = torch.rand(ROWS, len(MODALITIES), generator=generator) < 0.6
    present[:, 0] |= ~present.any(1)
    vectors = torch.rand(ROWS, len(MODALITIES), 600, generator=generator) * present[..., None]
    labels = (torch.rand(ROWS, len(NAMES), generator=generator) < 0.4).float()
    rows = torch.arange(ROWS)
    names = [str(row) for row in rows.tolist()]
    store = SpectraStore(names, list(MODALITIES), NAMES, vectors, present, present.all(1), labels, rows)
    model = build_group_model(settings, Context(NAMES, list(range(len(NAMES))), labels.mean(0).tolist(), []))
    augmenter = Augmenter(settings.augmentation, store, rows[:30])
    return GroupTask(Trained(model), store, augmenter, rows[30:], PlainLoss(), settings.training)


def match_task(folder: Path) -> tuple[Task, TrainingSettings]:
    files = write_matching_files(folder, 40)
    settings = small_run(training={**FIT, "learning_rate": 1e-4})  # its norms magnify rounding
    store = MatchStore.read(files.spectra, files.rendered)
    examples = [fixed_examples(settings, store, read_pairs(files.pairs, store, part)) for part in ("train", "val")]
    network = TrainedMatcher(build_matcher(settings, None))
    return MatchTask(network, store, settings, *examples, torch.device("cpu")), settings.training


def relational_task(folder: Path, modality: str) -> tuple[Task, TrainingSettings]:
    """Similarities of molecules (fingerprint) or of carbons (peak) across the whole batch."""
    loss = {"tau_student": 0.1, "tau_target": 0.1, "include_self": False, "peak_kernel": "laplace"}
    settings = small_pretraining(modality=modality, loss=loss, training=FIT)
    files = write_pretraining(folder / modality, SMILES[:ROWS])
    store = PretrainingStore.read(settings, files.pretraining, files.graphs, {})
    torch.manual_seed(0)
    return PretrainingTask(Learner(settings), store, settings, find_temperatures(store, settings)), settings.training


def tasks(folder: Path) -> dict[str, tuple[Task, TrainingSettings]]:
    """Return a small task of every method, and how to fit it."""
    alignment, shifts = toy_stores()
    km3aid, network = Km3aidRun.model_validate(KM3AID), ShiftsRun.model_validate(SHIFTS)
    found = {
        "km3aid": (km3aid_task(alignment, km3aid), km3aid.training),
        "spectrum encoder": (pretraining_task(alignment), km3aid.training),
        "shifts": (shift_task(shifts, network), network.training),
        "matchnet": match_task(folder),
        "relations of molecules": relational_task(folder, "fingerprint"),
        "relations of carbons": relational_task(folder, "peak"),
    }
    for kind in ("symspectra", "cnn"):
        settings = make_settings(**SYMSPECTRA, kind=kind, baseline={"dropout": 0.0})
        found[kind] = (group_task(settings), settings.training)
    return found


def histories(folder: Path) -> dict[str, list[Record]]:
    """Return the records of one small training of every method."""
    fabric = make_fabric()
    found = tasks(folder).items()
    return {name: fit(task, fitting, fabric, folder / name, "id").records for name, (task, fitting) in found}


def first_gradients(folder: Path) -> dict[str, dict[str, Tensor]]:
    """Return loss and gradients of every method after the first batch of an epoch."""
    fabric = make_fabric()
    found = {}
    for method, (task, _) in tasks(folder).items():
        share_batch_norms(task.model)
        model = fabric.setup_module(task.model).train()
        batch = next(iter(task.training_batches(torch.Generator().manual_seed(0), 0)))
        loss, _ = task.loss(model, batch)
        fabric.backward(loss)
        gradients = {name: one.grad for name, one in task.model.named_parameters() if one.grad is not None}
        found[method] = {"loss": loss.detach(), **gradients}
    return found


class Pair(nn.Module):
    """Two encoders with a norm between, and a scale that acts behind the gathering."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 4))
        self.second = nn.Linear(5, 4)
        self.scale = nn.Parameter(torch.tensor(0.4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.first(x), self.second(x), self.scale.exp()


def contrastive_gradients() -> dict[str, Tensor]:
    """Return loss, gradients and moments after one pass of a contrastive loss over seven rows."""
    fabric = make_fabric()
    torch.manual_seed(0)
    pair = Pair()
    x = 3 * torch.randn(7, 5) + 1
    share_batch_norms(pair)
    model = fabric.setup_module(pair)
    first, second, scale = model(own_share(x))
    loss = matching_loss(gathered(first), gathered(second), scale)
    fabric.backward(loss)
    gradients = {name: one.grad for name, one in pair.named_parameters() if one.grad is not None}
    return {"loss": loss.detach(), **gradients, **dict(pair.named_buffers())}


def main(folder: Path) -> None:
    """Write what this process finds to `folder`."""
    rank = make_fabric().global_rank
    own = folder / str(rank)
    own.mkdir()
    found = {"contrastive": contrastive_gradients(), "first": first_gradients(own), "histories": histories(own)}
    torch.save(found, folder / f"{rank}.pt")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
