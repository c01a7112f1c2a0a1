"""The baselines by name."""

from collections.abc import Sequence

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.baselines.boosted_trees import BoostedTrees
from spectraflow.methods.symspectra.baselines.cnn import Cnn
from spectraflow.methods.symspectra.baselines.commonest import Commonest
from spectraflow.methods.symspectra.baselines.multimodal_transformer import MultimodalTransformer
from spectraflow.methods.symspectra.baselines.patch_transformer import PatchTransformer
from spectraflow.methods.symspectra.baselines.text_transformer import TextTransformer
from spectraflow.methods.symspectra.batch import GroupModel
from spectraflow.methods.symspectra.settings import BaselineSettings, Kind
from spectraflow.spectra.modalities import modality

_TABULAR: dict[str, type[BoostedTrees] | type[Commonest]] = {"xgboost": BoostedTrees, "commonest": Commonest}


def text_modalities(kind: Kind, modalities: Sequence[str], settings: BaselineSettings) -> list[str]:
    """Return the modalities a model reads as text: all, those of NMR, or none; tokens are built for these."""
    if kind == "transformer":
        return list(modalities)
    if kind == "multimodal_transformer" and settings.text:
        return [name for name in modalities if modality(name).unit == "ppm"]
    return []


def build_baseline(
    kind: Kind,
    modalities: Sequence[str],
    names: Sequence[str],
    settings: BaselineSettings,
    vocabulary: Sequence[str] = (),
    order: Sequence[int] = (),
) -> GroupModel:
    """Return the network of a baseline with fresh weights.

    Args:
        kind: cnn, transformer, patch_transformer or multimodal_transformer.
        modalities: as in a batch.
        names: of the K groups.
        settings: sizes.
        vocabulary: of the tokens of `text_modalities`; multimodal_transformer sees vectors alone without it.
        order: labels in the order they are written (transformer).

    Raises:
        InputError: the kind is no network, or it lacks what it needs.
    """
    if kind == "cnn":
        return Cnn(len(modalities), len(names), settings)
    if kind == "patch_transformer":
        return PatchTransformer(len(modalities), len(names), settings)
    if kind == "multimodal_transformer":
        text = text_modalities(kind, modalities, settings) if vocabulary else []
        return MultimodalTransformer(modalities, len(names), settings, vocabulary, text)
    if kind != "transformer":
        raise InputError(f"'{kind}' is not a network among the baselines")
    if not vocabulary or sorted(order) != list(range(len(names))):
        raise InputError("the transformer needs a vocabulary and an order of all groups")
    return TextTransformer(modalities, order, settings, vocabulary)


def build_tabular(kind: Kind, settings: BaselineSettings) -> BoostedTrees | Commonest:
    """Return an untrained baseline with fit, probabilities, tensors and from_tensors: xgboost or commonest."""
    if kind not in _TABULAR:
        raise InputError(f"'{kind}' is not among {', '.join(_TABULAR)}")
    return _TABULAR[kind](settings)
