import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from pydantic import ValidationError
from sklearn.datasets import load_sample_image
from torch.nn import functional

from spectraflow.methods.matchnet.backbone_weights import weights_sha256
from spectraflow.methods.matchnet.backbones import NORMALISATIONS, build_backbone
from spectraflow.methods.matchnet.efficientnet_lite import imagenet_weights
from spectraflow.methods.matchnet.settings import BackboneSettings

LITE = BackboneSettings(name="efficientnet_lite0", weights="imagenet")
DAISY = 985


def flower() -> torch.Tensor:
    """A photograph of a flower head, (1, 3, 224, 224) from 0 to 1."""
    colours = torch.from_numpy(load_sample_image("flower.jpg").copy()).permute(2, 0, 1)[None] / 255
    return functional.interpolate(colours, (224, 224), mode="bilinear", antialias=True)


def test_installed_weights_know_a_flower_and_the_backbone_gives_their_maps():
    whole = EfficientNet.from_name("efficientnet-lite0").eval()
    whole.load_state_dict(torch.load(imagenet_weights(), weights_only=True))
    mean, deviation = (torch.tensor(values)[:, None, None] for values in NORMALISATIONS[LITE.normalisation])
    picture = (flower() - mean) / deviation
    backbone = build_backbone(LITE)
    with torch.no_grad():
        maps = backbone.network(picture)
        assert int(whole._fc(maps.mean((2, 3))).argmax()) == DAISY
        assert int(whole(picture).argmax()) == DAISY


def test_weights_are_those_of_the_file_and_not_of_the_seed():
    assert build_backbone(LITE).digest() == build_backbone(LITE.model_copy(update={"seed": 1})).digest()
    assert build_backbone(LITE).digest() != build_backbone(LITE.model_copy(update={"weights": None})).digest()
    assert len(weights_sha256("imagenet")) == 64


@pytest.mark.parametrize("name", ["resnet101", "tiny", "efficientnet_b0"])
def test_other_networks_have_no_installed_weights(name):
    with pytest.raises(ValidationError, match=f"installed for efficientnet_lite0 alone; give a file for {name}"):
        BackboneSettings(name=name, weights="imagenet")
