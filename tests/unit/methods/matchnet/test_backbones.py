import json

import pytest
import torch
from torch import nn

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.backbone_weights import load_weights, weights_sha256
from spectraflow.methods.matchnet.backbones import Backbone, architecture, build_backbone, calibrate
from spectraflow.methods.matchnet.settings import BackboneSettings
from spectraflow.training.checkpoint import save_checkpoint

TINY = BackboneSettings(name="tiny")
COUNTS = {
    "resnet101": 42_500_160,
    "resnet50": 23_508_032,
    "densenet121": 6_953_856,
    "efficientnet_b0": 4_007_548,
    "efficientnet_lite0": 3_371_008,
}


def pictures(count: int, size: int = 64, seed: int = 0) -> torch.Tensor:
    """White pictures with a few black pixels."""
    ink = torch.rand((count, size, size), generator=torch.Generator().manual_seed(seed)) < 0.05
    return torch.where(ink, 0, 255).to(torch.uint8)


def calibrated(settings: BackboneSettings = TINY) -> Backbone:
    backbone = build_backbone(settings)
    calibrate(backbone, pictures(40, seed=1))
    return backbone


@pytest.fixture(scope="module")
def efficientnet() -> nn.Module:
    network = build_backbone(BackboneSettings(name="efficientnet_b0", seed=1)).network
    for name, buffer in network.named_buffers():
        buffer.fill_(2 if "running" in name else 7)
    return network


@pytest.mark.parametrize("name", COUNTS)
def test_numbers_of_weights_are_the_published_ones(name):
    with torch.device("meta"):
        network = architecture(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == COUNTS[name]


def test_maps_of_the_tiny_backbone():
    maps = build_backbone(TINY)(pictures(1, 256))
    assert maps.shape == (1, 32, 8, 8)


@pytest.mark.parametrize(
    ("name", "channels"), [("densenet121", 1024), ("efficientnet_b0", 1280), ("efficientnet_lite0", 1280)]
)
def test_maps_are_a_thirty_second_of_the_image(name, channels):
    assert build_backbone(BackboneSettings(name=name))(pictures(1, 64)).shape == (1, channels, 2, 2)


def test_random_weights_need_calibration_and_then_give_numbers_of_order_one():
    backbone = build_backbone(BackboneSettings(name="resnet50"))
    before = backbone(pictures(2))
    calibrate(backbone, pictures(6, seed=1))
    after = backbone(pictures(2))
    assert after.shape == (2, 2048, 2, 2)
    assert before.std() > 50
    assert 0.3 < after.std() < 3
    assert after.abs().max() < 1000


def test_random_weights_depend_on_their_seed_alone():
    torch.manual_seed(1)
    first = build_backbone(TINY)
    torch.manual_seed(2)
    second = build_backbone(TINY)
    other = build_backbone(BackboneSettings(name="tiny", seed=1))
    assert first.digest() == second.digest() != other.digest()
    torch.testing.assert_close(first(pictures(2)), second(pictures(2)))


def test_an_image_does_not_see_its_batch():
    backbone, images = calibrated(), pictures(6)
    together = backbone(images)
    alone = torch.cat([backbone(one[None]) for one in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_training_a_model_around_it_leaves_it_as_it_is():
    backbone = calibrated()
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    head = nn.Conv2d(32, 1, 1)
    model = nn.Sequential(backbone, head).train()
    assert not any(module.training for module in backbone.modules())
    model(pictures(4)).sum().backward()
    assert head.weight.grad is not None
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in backbone.parameters())
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_calibration_takes_plain_means_over_all_images():
    backbone = build_backbone(TINY)
    images = pictures(64, seed=1)
    calibrate(backbone, images)
    convolution, norm = backbone.network[0], backbone.network[1]
    seen = convolution((images[:, None] / 255 - 0.5) / 0.5 * torch.ones(3, 1, 1))
    torch.testing.assert_close(norm.running_mean, seen.mean((0, 2, 3)), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.running_var, seen.var((0, 2, 3)), rtol=0.02, atol=1e-4)
    assert norm.momentum == 0.1
    assert not norm.training


@pytest.mark.parametrize(
    ("normalisation", "white", "black"),
    [
        ("half", [1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]),
        ("imagenet", [2.2489, 2.4286, 2.6400], [-2.1179, -2.0357, -1.8044]),
    ],
)
def test_colours_are_normalised(normalisation, white, black):
    maps = Backbone(nn.Identity(), normalisation)(torch.tensor([[[255, 0]]], dtype=torch.uint8))
    torch.testing.assert_close(maps[0, :, 0].T, torch.tensor([white, black]), rtol=1e-4, atol=1e-4)


def test_weights_of_a_file(tmp_path):
    source = calibrated()
    path = tmp_path / "weights.safetensors"
    save_checkpoint(path, source.network.state_dict(), {})
    loaded = build_backbone(BackboneSettings(name="tiny", weights=str(path), seed=5))
    assert torch.equal(loaded(pictures(3)), source(pictures(3)))
    assert len(weights_sha256(str(path))) == 64
    assert weights_sha256(None) == "random"


def changed(state: dict[str, torch.Tensor], fault: str) -> dict[str, torch.Tensor]:
    changes = {
        "shape": {"3.weight": torch.zeros(32, 16, 3, 3)},
        "missing": {},
        "unknown": {"9.weight": torch.zeros(1)},
    }
    return {**{key: value for key, value in state.items() if (key, fault) != ("3.weight", "missing")}, **changes[fault]}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("shape", r"w\.bin: the tensor '3\.weight' is of shape \(32, 16, 3, 3\), but \(32, 16, 5, 5\)"),
        ("missing", r"w\.bin: lacks the tensor '3\.weight' of tiny"),
        ("unknown", r"w\.bin: tiny has no tensor '9\.weight'"),
    ],
)
def test_weights_of_another_network_are_refused(tmp_path, fault, message):
    path = tmp_path / "w.bin"
    torch.save(changed(dict(build_backbone(TINY).network.state_dict()), fault), path)
    with pytest.raises(InputError, match=message):
        build_backbone(BackboneSettings(name="tiny", weights=str(path)))


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_unreadable_weights_are_refused(tmp_path, name):
    settings = BackboneSettings(name="tiny", weights=str(tmp_path / name))
    with pytest.raises(InputError, match="no weights"):
        build_backbone(settings)
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(InputError, match=f"{name}: not a readable file"):
        build_backbone(settings)


def test_published_names_of_densenet_with_its_classifier(tmp_path):
    network = build_backbone(BackboneSettings(name="densenet121")).network
    state = {f"features.{key}": value for key, value in network.state_dict().items()}
    state = {key.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): value for key, value in state.items()}
    torch.save({**state, "classifier.weight": torch.zeros(1000, 1024)}, tmp_path / "densenet.pth")
    other = build_backbone(BackboneSettings(name="densenet121", seed=1)).network
    load_weights(other, "densenet121", tmp_path / "densenet.pth")
    for key, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_folder_of_a_model_with_a_classifier(tmp_path, efficientnet):
    from transformers import EfficientNetForImageClassification

    with torch.device("meta"):
        whole = EfficientNetForImageClassification(efficientnet.config)
    whole.to_empty(device="cpu").efficientnet.load_state_dict(efficientnet.state_dict())
    whole.save_pretrained(tmp_path)
    settings = BackboneSettings(name="efficientnet_b0", weights=str(tmp_path))
    for key, value in build_backbone(settings).network.state_dict().items():
        assert torch.equal(value, efficientnet.state_dict()[key]), key
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    with pytest.raises(InputError, match=r"config\.json: hidden_act is 'relu', but 'swish'"):
        build_backbone(settings)
