"""The spectrum encoder, trained inside the fold and then frozen (reference section 3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.errors import InputError
from spectraflow.evaluation.retrieval import in_batch_accuracy
from spectraflow.methods.km3aid.data import AlignmentStore
from spectraflow.methods.km3aid.model import two_layers
from spectraflow.methods.km3aid.objective import matching_loss
from spectraflow.methods.km3aid.settings import SpectrumEncoderSettings
from spectraflow.methods.km3aid.smiles_encoder import SmilesEncoder, SmilesVocabulary
from spectraflow.methods.km3aid.train import load_spectrum_encoder
from spectraflow.nn.gin import GraphIsomorphismNetwork, sum_pool
from spectraflow.nn.parameters import count_parameters
from spectraflow.nn.spectrum_encoder import WIDTH, SpectrumEncoder
from spectraflow.provenance import git_commit
from spectraflow.store.batches import batches
from spectraflow.store.graphs import GraphBatch
from spectraflow.tables import MOLECULES, read_table
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import fit_identity, save_checkpoint
from spectraflow.training.devices import make_fabric
from spectraflow.training.distributed import gathered, own_share
from spectraflow.training.fit import History, Record
from spectraflow.training.recorded_fit import forget_checkpoint, recorded_fit
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch
from spectraflow.training.tracking import Mirror

if TYPE_CHECKING:
    from lightning_fabric import Fabric

INNER_FRACTION = 0.05
INITIAL_LOG_SCALE = 2.66  # ln(1 / 0.07)
LARGEST_LOG_SCALE = 4.605170185988092  # ln 100
UNTRAINED = ("joint", "random_frozen", "external")


class GraphPartner(nn.Module):
    """GIN and readout in the place of the SMILES encoder: graphs -> (B, 768) of unit length."""

    def __init__(self, dim: int = 128) -> None:
        super().__init__()
        self.nodes = GraphIsomorphismNetwork(dim=dim)
        self.readout = two_layers(dim, dim)
        self.output = nn.Linear(dim, WIDTH)

    def forward(self, graph: GraphBatch) -> Tensor:
        """Map B graphs to (B, 768)."""
        return functional.normalize(self.output(self.readout(sum_pool(self.nodes(graph), graph))), dim=1)


class SpectrumPair(nn.Module):
    """Spectrum encoder and its partner, with a learnable scale exp(t), t kept at ln 100 at most."""

    def __init__(self, partner: nn.Module) -> None:
        super().__init__()
        self.spectrum_encoder = SpectrumEncoder()
        self.partner = partner
        self.log_scale = nn.Parameter(torch.tensor(INITIAL_LOG_SCALE))

    def forward(self, batch: tuple[Tensor, Any]) -> tuple[Tensor, Tensor, Tensor]:
        """Return spectra (B, 768), partners (B, 768) and the scale."""
        spectrum, structure = batch
        scale = self.log_scale.clamp(max=LARGEST_LOG_SCALE).exp()
        return self.spectrum_encoder(spectrum), self.partner(structure), scale


@dataclass
class PairTask:
    """What spectrum pre-training gives the fit loop; selection on an inner part of the training rows."""

    model: SpectrumPair
    store: AlignmentStore
    smiles: list[str]
    vocabulary: SmilesVocabulary | None
    train_rows: Tensor
    inner_rows: Tensor
    batch_size: int
    monitor: str = "val/loss"
    shares_batches: ClassVar[bool] = True

    def _batch(self, rows: Tensor) -> tuple[Tensor, Any]:
        if self.vocabulary is None:
            return self.store.spectra(rows), self.store.graphs.batch(rows)
        codes = self.vocabulary.encode([self.smiles[row] for row in rows.tolist()])
        return self.store.spectra(rows), codes.to(rows.device)

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[tuple[Tensor, Any]]:
        """Yield shuffled batches of spectra and structures, this process's share of each."""
        for rows in batches(self.train_rows, self.batch_size, generator):
            yield self._batch(own_share(rows))

    def loss(self, model: nn.Module, batch: tuple[Tensor, Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the symmetric cross-entropy over scaled cosine similarities of all processes' pairs."""
        spectra, structures, scale = model(batch)
        return matching_loss(gathered(spectra), gathered(structures), scale), {}

    def validate(self, model: nn.Module) -> Record:
        """Return loss and in-batch accuracy on the inner part."""
        losses, accuracies = [], []
        for rows in batches(self.inner_rows, self.batch_size, torch.Generator().manual_seed(0)):
            spectra, structures, scale = model(self._batch(rows))
            losses.append(float(matching_loss(spectra, structures, scale)))
            accuracies.append(in_batch_accuracy((spectra.float() @ structures.float().T).cpu().numpy())[0])
        return {"val/loss": sum(losses) / len(losses), "val/in_batch": sum(accuracies) / len(accuracies)}


def inner_split(rows: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Return (training rows, inner selection rows): 5 % of the rows, at least two, drawn by `seed`."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    inner = max(2, round(INNER_FRACTION * len(rows)))
    return rows[order[inner:]], rows[order[:inner]]


def pretrain(
    settings: SpectrumEncoderSettings,
    alignment: Path,
    graphs: Path,
    split: Path,
    out: Path,
    checkpoints: Path,
    *,
    molecules: Path | None = None,
    data_version: str = "unknown",
    uri: str | None = None,
) -> None:
    """Fill `out` with the weights of the spectrum encoder, trained on the train part of `split` or as the mode asks.

    `cress_fold` needs the molecules table for its SMILES. The ids it was trained on are written beside the
    weights, so that a leak can be checked.
    """
    out.mkdir(parents=True, exist_ok=True)
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    store = AlignmentStore.read(alignment, graphs)
    rows = store.rows_of(split)["train"]
    trained = settings.mode not in UNTRAINED
    fabric = make_fabric(settings.training.precision)
    _write_description(settings, store, rows if trained else rows[:0], out, data_version, fabric)
    if trained:
        inputs = [alignment, graphs, split, *([] if molecules is None else [molecules])]
        identity = fit_identity(settings.model_dump(), "methods.km3aid.spectrum_pretraining", inputs)
        encoder, history = _train(settings, store, rows, molecules, out, checkpoints, identity, uri, fabric)
        metrics = {"best_epoch": history.best_epoch, "epochs": len(history.records), "parts": {}}
    else:
        encoder = load_spectrum_encoder(Path(settings.weights)) if settings.weights else SpectrumEncoder()
        run_folder.write_history(out, [])
        metrics = {"best_epoch": -1, "epochs": 0, "parts": {}}
    save_checkpoint(out / run_folder.WEIGHTS, dict(encoder.state_dict()), {"mode": settings.mode})
    run_folder.write_metrics(out, metrics)
    if trained:
        forget_checkpoint(checkpoints)
        Mirror(out, uri).finish()


def _write_description(
    settings: SpectrumEncoderSettings,
    store: AlignmentStore,
    rows: Tensor,
    out: Path,
    data_version: str,
    fabric: "Fabric",
) -> None:
    description = {
        "method": "km3aid-spectrum-encoder",
        "run_id": out.name,
        "label": settings.mode,
        "settings": settings.model_dump(mode="json"),
        "git_commit": git_commit(),
        "data_version": data_version,
        "device": str(fabric.device),
        "parameters": {"trainable": count_parameters(SpectrumEncoder())},
        "molecules": {"train": len(rows)},
        "leaks": settings.mode == "external",
        "trained_on": [store.molecule_ids[row] for row in rows.tolist()],
    }
    if fabric.is_global_zero:
        run_folder.write_settings(out, description)


def _train(
    settings: SpectrumEncoderSettings,
    store: AlignmentStore,
    rows: Tensor,
    molecules: Path | None,
    out: Path,
    checkpoints: Path,
    identity: str,
    uri: str | None,
    fabric: "Fabric",
) -> tuple[SpectrumEncoder, History]:
    store = store.to(fabric.device)
    train_rows, inner_rows = inner_split(rows, settings.training.seed)
    smiles, vocabulary, partner = _partner(settings, store, train_rows, molecules)
    task = PairTask(
        SpectrumPair(partner),
        store,
        smiles,
        vocabulary,
        train_rows.to(fabric.device),
        inner_rows.to(fabric.device),
        settings.training.batch_size,
    )
    history = recorded_fit(task, settings.training, fabric, out, checkpoints, identity, Mirror(out, uri))
    return task.model.spectrum_encoder, history


def _partner(
    settings: SpectrumEncoderSettings, store: AlignmentStore, rows: Tensor, molecules: Path | None
) -> tuple[list[str], SmilesVocabulary | None, nn.Module]:
    if settings.mode == "graph_fold":
        return [], None, GraphPartner()
    if molecules is None:
        raise InputError("mode cress_fold needs the molecules table for its SMILES")
    table = read_table(molecules, MOLECULES, ["molecule_id", "smiles"])
    smiles_of = dict(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))
    smiles = [smiles_of[name] for name in store.molecule_ids]
    vocabulary = SmilesVocabulary([smiles[row] for row in rows.tolist()])
    return smiles, vocabulary, SmilesEncoder(len(vocabulary))
