"""Public encoders as they were published: CReSS (SMILES and 13C spectra), Img2Mol (depictions), MMFRL's own D-MPNNs.

Their files are the user's, named with their SHA-256, and are read without running any code in them. They were trained
on molecules that tasks and the pre-training set hold as well, so that whatever uses them leaks.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch
from rdkit import Chem
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.errors import ChecksumError, ConfigError, InputError
from spectraflow.methods.mmfrl.drawn_molecules import draw_molecules
from spectraflow.methods.mmfrl.settings import EncoderSettings, Modality, TargetSettings
from spectraflow.nn.dmpnn import Dmpnn
from spectraflow.nn.spectrum_encoder import SpectrumEncoder
from spectraflow.provenance import file_sha256
from spectraflow.spectra.binning import BINS, bin_shifts
from spectraflow.store.ragged import Ragged

PROVIDED = {"cress": ("smiles", "nmr"), "img2mol": ("image",)}
TOKENIZER = "tokenizer-smiles-roberta-1e"
"""Folder of CReSS's tokenizer, expected beside the weights of its SMILES tower."""
LONGEST = 300
AT_ONCE = 64
IMG2MOL_SIZE = 224
CRESS_SPECTRUM = {
    "model.0.layer": "convolution",
    "model.3.block": "blocks.0.mlp",
    "model.5.block": "blocks.1.mlp",
    "model.7": "output",
}
"""CReSS's names of the layers of `SpectrumEncoder`."""
RELEASED = {"encoder.0": "messages"}


def read_weights(path: Path, sha256: str) -> dict[str, Tensor]:
    """Return the tensors of a PyTorch file, `logit_scale` left out.

    Raises:
        InputError: the file is missing or holds no tensors.
        ChecksumError: its SHA-256 is another one.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file of weights")
    if (found := file_sha256(path)) != sha256.lower():
        raise ChecksumError(f"{path}: its SHA-256 is {found}, not {sha256}")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError) as error:
        raise InputError(f"{path}: not weights that can be read safely ({error})") from error
    values = values.get("state_dict", values) if isinstance(values, Mapping) else {}
    tensors = {name: value for name, value in values.items() if isinstance(value, Tensor) and name != "logit_scale"}
    if not tensors:
        raise InputError(f"{path}: holds no weights")
    return tensors


def _load(module: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(f"{path}: weights of another network ({error})") from None
    module.eval()


def _renamed(tensors: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with one of `names`, under the new beginning."""
    return {
        new + name.removeprefix(old): tensor
        for name, tensor in tensors.items()
        for old, new in names.items()
        if name.startswith(f"{old}.")
    }


def load_released_encoder(path: Path, sha256: str, settings: EncoderSettings) -> Dmpnn:
    """Return one of the five D-MPNNs that the authors published, in eval mode; they need the featuriser v1."""
    encoder = Dmpnn(**settings.model_dump())
    wanted = set(encoder.state_dict())
    tensors = _renamed(read_weights(path, sha256), RELEASED)
    _load(encoder, {name: tensor for name, tensor in tensors.items() if name in wanted}, path)
    return encoder


def public_embeddings(
    settings: TargetSettings, modality: Modality, smiles: Sequence[str], shifts: Ragged, processes: int = 1
) -> Tensor:
    """Return the embeddings (N, d) float32 of N molecules by public weights.

    Args:
        settings: source, path and checksum.
        modality: one that the source has an encoder of.
        smiles: of the molecules.
        shifts: (ppm) of the carbons of each molecule.
        processes: that draw depictions.

    Raises:
        ConfigError: the source has no encoder of the modality.
        InputError: the weights cannot be read, or are of another network.
        ChecksumError: the weights are other ones.
    """
    if modality not in PROVIDED.get(settings.source, ()) or settings.weights is None or settings.sha256 is None:
        raise ConfigError(f"targets.source: {settings.source} has no encoder of the modality {modality}")
    path = Path(settings.weights)
    tensors = read_weights(path, settings.sha256)
    if modality == "nmr":
        return _cress_spectra(tensors, path, shifts)
    if modality == "smiles":
        return _cress_smiles(tensors, path, smiles)
    return _img2mol(tensors, path, smiles, processes)


@torch.no_grad()
def _in_batches(encode: Callable[[slice], Tensor], count: int) -> Tensor:
    return torch.cat([encode(slice(start, start + AT_ONCE)) for start in range(0, count, AT_ONCE)])


def _cress_spectra(tensors: Mapping[str, Tensor], path: Path, shifts: Ragged) -> Tensor:
    encoder = SpectrumEncoder()
    _load(encoder, _renamed(tensors, CRESS_SPECTRUM), path)
    bins = torch.from_numpy(bin_shifts(np.round(shifts.values.numpy().astype(np.float64) * 1000)))
    binned = Ragged(bins, shifts.offsets)

    def encode(rows: slice) -> Tensor:
        found, segment, counts = binned.take(torch.arange(len(shifts))[rows])
        spectra = torch.zeros(len(counts), BINS)
        spectra[segment, found] = 1
        encoded: Tensor = encoder(spectra)
        return encoded

    return _in_batches(encode, len(shifts))


class CressSmiles(nn.Module):
    """RoBERTa; the hidden state of the first token, one linear layer, unit length. Sizes are those of the weights."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        super().__init__()
        from transformers import RobertaConfig, RobertaModel

        vocabulary, width = tensors["model.embeddings.word_embeddings.weight"].shape
        layers = {int(found[1]) for name in tensors if (found := re.match(r"model\.encoder\.layer\.(\d+)\.", name))}
        config = RobertaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=len(tensors["model.encoder.layer.0.intermediate.dense.bias"]),
            num_hidden_layers=len(layers),
            num_attention_heads=max(1, width // 64),
            max_position_embeddings=len(tensors["model.embeddings.position_embeddings.weight"]),
            type_vocab_size=len(tensors["model.embeddings.token_type_embeddings.weight"]),
        )
        self.model = RobertaModel(config, add_pooling_layer=False)
        self.dense = nn.Linear(width, width)

    def forward(self, codes: Tensor, real: Tensor) -> Tensor:
        """Map codes (B, L) and which of them are real (B, L) to (B, d)."""
        hidden = self.model(codes, attention_mask=real).last_hidden_state
        return functional.normalize(self.dense(hidden[:, 0]), dim=1)


def explicit_hydrogens(smiles: str) -> str:
    """Return the SMILES with all hydrogens written, as the released code feeds it."""
    return str(Chem.MolToSmiles(Chem.AddHs(Chem.MolFromSmiles(smiles))))


def _cress_smiles(tensors: Mapping[str, Tensor], path: Path, smiles: Sequence[str]) -> Tensor:
    from transformers import RobertaTokenizer

    folder = path.parent / TOKENIZER
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; CReSS's tokenizer belongs beside its weights")
    try:
        encoder = CressSmiles(tensors)
    except KeyError as error:
        raise InputError(f"{path}: weights of another network (no {error} among them)") from None
    wanted = set(encoder.state_dict())
    _load(encoder, {name: tensor for name, tensor in tensors.items() if name in wanted}, path)
    tokenizer: Any = RobertaTokenizer.from_pretrained(str(folder))
    texts = [explicit_hydrogens(text) for text in smiles]

    def encode(rows: slice) -> Tensor:
        read = tokenizer(texts[rows], max_length=LONGEST, truncation=True, padding=True, return_tensors="pt")
        encoded: Tensor = encoder(read["input_ids"], read["attention_mask"])
        return encoded

    return _in_batches(encode, len(texts))


POOL = None
IMG2MOL = ((7, 3, 4), (5, 1, 1), (5, 1, 1), POOL, (3, 1, 1), (3, 1, 1), POOL, (3, 1, 1), (3, 1, 1), (3, 1, 1), POOL)
"""Kernel, stride and padding of each convolution of Img2Mol, a max-pooling between the groups."""


def img2mol_network(tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return Img2Mol's network, (B, 1, 224, 224) white on 1 to (B, d) from -1 to 1; sizes are those of the weights.

    Raises KeyError if a layer is missing.
    """
    features: list[nn.Module] = []
    for layer in IMG2MOL:
        if layer is None:
            features.append(nn.MaxPool2d(2, 2))
            continue
        after, before = tensors[f"features.{len(features)}.weight"].shape[:2]
        features += [nn.Conv2d(before, after, layer[0], stride=layer[1], padding=layer[2]), nn.ReLU()]
    shapes = [tensors[f"classifier.{place}.weight"].shape for place in (0, 3, 6)]
    first, second, third = (nn.Linear(before, after) for after, before in shapes)
    # the published network has dropouts of 0 after the two activations: Identity keeps its numbering
    classifier = (first, nn.ReLU(), nn.Identity(), second, nn.ReLU(), nn.Identity(), third, nn.Tanh())
    network = nn.Sequential()
    network.add_module("features", nn.Sequential(*features))
    network.add_module("flat", nn.Flatten())
    network.add_module("classifier", nn.Sequential(*classifier))
    return network


def _img2mol(tensors: Mapping[str, Tensor], path: Path, smiles: Sequence[str], processes: int) -> Tensor:
    try:
        network = img2mol_network(tensors)
    except KeyError as error:
        raise InputError(f"{path}: weights of another network (no {error} among them)") from None
    _load(network, tensors, path)
    ink = draw_molecules(smiles, IMG2MOL_SIZE, processes)

    def encode(rows: slice) -> Tensor:
        encoded: Tensor = network(1 - torch.from_numpy(ink[rows])[:, None].float() / 255)
        return encoded

    return _in_batches(encode, len(ink))
