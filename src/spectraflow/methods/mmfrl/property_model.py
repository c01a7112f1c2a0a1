"""A model of properties with what it needs to be built, saved, loaded, asked and looked into."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.fusion import EncoderFusion, GraphModel, IntermediateFusion, LateFusion
from spectraflow.methods.mmfrl.property_metrics import TaskKind
from spectraflow.methods.mmfrl.property_store import Scale
from spectraflow.methods.mmfrl.property_task import EVALUATED_AT_ONCE, Trained, network_outputs, to_predictions
from spectraflow.methods.mmfrl.settings import EncoderSettings, PropertyRun
from spectraflow.training import run_folder
from spectraflow.training.checkpoint import load_checkpoint, save_checkpoint
from spectraflow.training.seeds import WEIGHTS_EPOCH, epoch_seed, seed_torch

if TYPE_CHECKING:
    from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs

FUSIONS = ("dmpnn", "intermediate", "late")
NEURAL = (*FUSIONS, "attentivefp")


def encoder_settings(settings: PropertyRun) -> list[EncoderSettings]:
    """Return the settings of every encoder: those of pre-training, or as many from scratch as are asked for."""
    pretrained = [run.encoder for run in settings.pretraining]
    return pretrained or [settings.encoder] * settings.encoders


def build_model(settings: PropertyRun, targets: int) -> GraphModel:
    """Return a freshly initialised network for T targets, the same for the same seed.

    As in the public code, encoders, the heads of single models and those of late fusion start as chemprop's (Xavier),
    the head of intermediate fusion and the coefficient networks as PyTorch's.
    """
    seed_torch(epoch_seed(settings.training.seed, WEIGHTS_EPOCH))
    if settings.kind == "attentivefp":
        from spectraflow.methods.mmfrl.attentive_fp import AttentiveFingerprint

        return AttentiveFingerprint(settings.encoder, settings.baseline.attention_steps, targets)
    from spectraflow.nn.dmpnn import Dmpnn, initialise_xavier

    found = encoder_settings(settings)
    encoders = [Dmpnn(**one.model_dump(), initialisation="xavier") for one in found]
    sizes = {"width": found[0].hidden, "hidden": settings.head, "targets": targets}
    if settings.kind == "late":
        late = LateFusion(encoders, **sizes, dropout=found[0].dropout, coefficients=settings.coefficients)
        initialise_xavier(late.heads)
        return late
    model = IntermediateFusion(encoders, **sizes, dropout=found[0].dropout)
    if settings.kind == "dmpnn":
        initialise_xavier(model.head)
    return model


def load_pretrained(model: GraphModel, settings: PropertyRun, folders: Sequence[Path]) -> None:
    """Put the weights of pre-trained encoders, one folder each in the order of `settings.pretraining`, into `model`.

    Raises InputError if there are not as many folders, or if one is of another modality or shape.
    """
    if len(folders) != len(settings.pretraining):
        raise InputError(f"{len(settings.pretraining)} pre-trained encoders are asked for, {len(folders)} are given")
    if not folders or not isinstance(model, EncoderFusion):
        return
    from spectraflow.methods.mmfrl.pretrain import load_encoder

    for encoder, run, folder in zip(model.encoders, settings.pretraining, folders, strict=True):
        found = run_folder.read_settings(folder).get("settings", {}).get("modality")
        if found != run.modality:
            raise InputError(f"{folder}: an encoder pre-trained on {found}, not on {run.modality}")
        try:
            encoder.load_state_dict(load_encoder(folder).state_dict())
        except RuntimeError as error:
            raise InputError(f"{folder}: an encoder of another shape ({str(error).splitlines()[-1].strip()})") from None


@dataclass(frozen=True)
class PropertyModel:
    """A trained network with its settings, targets and scale, and the graphs that its rows stand for."""

    settings: PropertyRun
    names: list[str]
    kind: TaskKind
    scale: Scale
    network: GraphModel
    graphs: "MolecularGraphs"

    def predict(self, rows: Tensor) -> np.ndarray:
        """Return probabilities or values in original units, (R, T) float32, of `rows` (R,) int64."""
        outputs = network_outputs(Trained(self.network).eval(), self.graphs, rows)
        return to_predictions(outputs, self.kind, self.scale).numpy()

    @torch.no_grad()
    def predict_smiles(self, smiles: Sequence[str]) -> np.ndarray:
        """Return what `predict` returns for molecules of no table, (n, T); raises InputError for a bad SMILES."""
        from chemprop.data import BatchMolGraph

        self.network.eval()
        device, found = self.graphs.atoms.offsets.device, []
        for start in range(0, len(smiles), EVALUATED_AT_ONCE):
            graph: Any = BatchMolGraph(_graphs_of(smiles[start : start + EVALUATED_AT_ONCE], self.settings))
            graph.to(device)
            found.append(to_predictions(self.network(graph).float().cpu(), self.kind, self.scale))
        return torch.cat(found).numpy() if found else np.empty((0, len(self.names)), np.float32)

    def features(self, rows: Tensor) -> list[np.ndarray]:
        """Return the embedding of every encoder, K times (R, d) float32."""
        per_chunk = list(self._of_features(rows, lambda features: torch.stack(list(features))))
        return list(np.concatenate(per_chunk, axis=1))

    def fused(self, rows: Tensor) -> np.ndarray:
        """Return the fused embedding g, (R, hidden); of intermediate fusion and single encoders."""
        network = self._network(IntermediateFusion, "no fused embedding")
        return np.concatenate(list(self._of_features(rows, network.fused)))

    def coefficients(self, rows: Tensor) -> np.ndarray:
        """Return the coefficients c of late fusion, (R, K)."""
        network = self._network(LateFusion, "no coefficients")
        return np.concatenate(list(self._of_features(rows, network.coefficients)))

    def parts(self, rows: Tensor) -> np.ndarray:
        """Return the predictions p of the encoders of late fusion, (R, K, T): logits, or standardised values."""
        network = self._network(LateFusion, "no predictions of single encoders")
        return np.concatenate(list(self._of_features(rows, network.parts)))

    def save(self, path: Path) -> None:
        """Write weights, settings, targets and scale as one safetensors file."""
        state = {"settings": self.settings.model_dump(mode="json"), "names": self.names, "kind": self.kind}
        tensors = {f"network.{name}": tensor for name, tensor in self.network.state_dict().items()}
        save_checkpoint(path, {**tensors, "scale.mean": self.scale.mean, "scale.sd": self.scale.sd}, state)

    @torch.no_grad()
    def _of_features(self, rows: Tensor, function: Callable[[Sequence[Tensor]], Tensor]) -> Iterator[np.ndarray]:
        network = self._network(EncoderFusion, "no encoders to look into").eval()
        for chunk in rows.split(EVALUATED_AT_ONCE):
            yield function(network.features(self.graphs.batch(chunk))).float().cpu().numpy()

    def _network(self, kind: type[Any], fault: str) -> Any:
        if not isinstance(self.network, kind):
            raise InputError(f"a {self.settings.kind} model has {fault}")
        return self.network


def _graphs_of(smiles: Sequence[str], settings: PropertyRun) -> list[Any]:
    from chemprop.featurizers import MultiHotAtomFeaturizer, SimpleMoleculeMolGraphFeaturizer
    from rdkit import Chem

    version = encoder_settings(settings)[0].featuriser
    atoms = MultiHotAtomFeaturizer.v1() if version == "v1" else MultiHotAtomFeaturizer.v2()
    featurise, found = SimpleMoleculeMolGraphFeaturizer(atom_featurizer=atoms), []
    for text in smiles:
        mol = Chem.MolFromSmiles(text)
        if mol is None or not mol.GetNumAtoms():
            raise InputError(f"'{text}' is no molecule")
        found.append(featurise(mol))
    return found


def load_property_model(folder: Path, graphs: "MolecularGraphs | Path") -> PropertyModel:
    """Return the trained network of a run folder, in eval mode, on the device of `graphs` (a file's: the CPU).

    Raises InputError if the folder holds none, as those of fingerprint baselines do.
    """
    path = folder / run_folder.WEIGHTS
    tensors, state = load_checkpoint(path)
    try:
        settings, names, kind = PropertyRun.model_validate(state["settings"]), list(state["names"]), state["kind"]
        scale = Scale(tensors.pop("scale.mean"), tensors.pop("scale.sd"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not a network that predicts properties ({error})") from None
    network = build_model(settings, len(names))
    network.load_state_dict({name.removeprefix("network."): tensor for name, tensor in tensors.items()})
    if isinstance(graphs, Path):
        from spectraflow.methods.mmfrl.molecular_graphs import MolecularGraphs

        graphs = MolecularGraphs.read(graphs, encoder_settings(settings)[0].featuriser)
    return PropertyModel(settings, names, kind, scale, network.to(graphs.atoms.offsets.device).eval(), graphs)
