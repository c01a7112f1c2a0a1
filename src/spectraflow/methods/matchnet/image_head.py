"""What is learned behind the frozen backbone: its maps of each spectrum's image to one vector of all spectra."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from spectraflow.methods.matchnet.settings import NetworkSettings

REDUCTION = 16
PARENT_WIDTHS = (256, 128)


def in_type_of(maps: Tensor, weight: Tensor) -> Tensor:
    """Return cached maps, stored as float16, in the type of `weight`; under autocast as they are, for it to cast."""
    return maps if torch.is_autocast_enabled(maps.device.type) else maps.to(weight.dtype)


def gate_layers(width: int) -> nn.Sequential:
    """Return width -> width / 16 -> width without biases, ReLU between (at least one channel there)."""
    inner = max(1, width // REDUCTION)
    return nn.Sequential(nn.Linear(width, inner, bias=False), nn.ReLU(), nn.Linear(inner, width, bias=False))


class PointwiseProjection(nn.Module):
    """A 1x1 convolution without bias, from the channels of the backbone to a few.

    One matrix product an image: the library's convolution takes twice as long for so few output channels on a CPU.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.uniform_(self.weight, -(inputs**-0.5), inputs**-0.5)  # as nn.Conv2d starts

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, inputs, h, w) to (B, outputs, h, w)."""
        flat = in_type_of(maps, self.weight).flatten(2)
        return torch.bmm(self.weight.expand(len(maps), -1, -1), flat).unflatten(2, maps.shape[2:])


class SpatialAttention(nn.Module):
    """sigma(conv [mean over channels; maximum over channels]); with several kernels the mean of their maps' logits."""

    def __init__(self, kernels: list[int]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(2, 1, k, padding=k // 2, bias=False) for k in kernels)

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, c, h, w) to weights (B, 1, h, w) between 0 and 1."""
        seen = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], 1)
        return torch.stack([convolution(seen) for convolution in self.convolutions]).mean(0).sigmoid()


class Cbam(nn.Module):
    """Channel attention, then spatial attention (Woo et al. 2018; paper, section 3.4)."""

    def __init__(self, channels: int, kernels: list[int]) -> None:
        super().__init__()
        self.channel = gate_layers(channels)
        self.spatial = SpatialAttention(kernels)

    def channel_weights(self, maps: Tensor) -> Tensor:
        """Map (B, c, h, w) to weights (B, c, 1, 1) between 0 and 1."""
        pooled = self.channel(maps.mean((2, 3))) + self.channel(maps.amax((2, 3)))
        return pooled.sigmoid()[..., None, None]

    def forward(self, maps: Tensor) -> Tensor:
        """Map (B, c, h, w) to the same shape."""
        maps = self.channel_weights(maps) * maps
        return self.spatial(maps) * maps


class JointGate(nn.Module):
    """q = sigma(MLP(g)), q * g: channels of all nuclei weigh each other.

    The paper gates maps; pooling by the mean commutes with that, so vectors are gated.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = gate_layers(width)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map (B, width) to (B, width)."""
        return self.layers(pooled).sigmoid() * pooled


class ImageHead(nn.Module):
    """Maps of each nucleus to (B, nuclei x channels): 1x1 convolution, CBAM, pooling, joint gate (paper, section 3.4).

    `attention` of the settings: joint has all of it and a CBAM for each nucleus; shared one CBAM for all and no gate;
    gate no CBAM; none neither.
    """

    def __init__(self, settings: NetworkSettings, feature_channels: int) -> None:
        super().__init__()
        channels, kinds = settings.channels, settings.attention
        self.nuclei = list(settings.nuclei)
        self.projection = PointwiseProjection(feature_channels, channels)
        attended = {"joint": len(self.nuclei), "shared": 1}.get(kinds, 0)
        self.attention = nn.ModuleList(Cbam(channels, settings.spatial_kernels) for _ in range(attended))
        self.gate = JointGate(len(self.nuclei) * channels) if kinds in ("joint", "gate") else nn.Identity()

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return (B, nuclei x channels) of maps (B, C, h, w) of each nucleus."""
        pooled = [self._pooled(place, features[nucleus]) for place, nucleus in enumerate(self.nuclei)]
        return self.gate(torch.cat(pooled, 1))

    def _pooled(self, place: int, maps: Tensor) -> Tensor:
        if not self.attention:  # the mean commutes with the 1x1 convolution and is the cheaper first step
            return self.projection(_mean(maps)[..., None, None]).flatten(1)
        attend = self.attention[place if len(self.attention) > 1 else 0]
        return attend(self.projection(maps)).mean((2, 3))


class PooledHead(nn.Module):
    """The head of the baselines: each nucleus pooled, C -> 256 -> 128 with one set of weights (MatCS)."""

    def __init__(self, settings: NetworkSettings, feature_channels: int) -> None:
        super().__init__()
        inner, outer = PARENT_WIDTHS
        self.nuclei = list(settings.nuclei)
        self.dense = nn.Sequential(nn.Linear(feature_channels, inner), nn.ReLU(), nn.Linear(inner, outer))

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return (B, nuclei x 128) of maps (B, C, h, w) of each nucleus."""
        return torch.cat([self.dense(_mean(features[nucleus])) for nucleus in self.nuclei], 1)


def _mean(maps: Tensor) -> Tensor:
    """Return (B, C) float32, the mean of each channel; float16 sums of 64 numbers would lose digits."""
    return maps.mean((2, 3), dtype=torch.float32)


def image_head(settings: NetworkSettings, feature_channels: int) -> ImageHead | PooledHead:
    """Return the head that `attention` names."""
    return (PooledHead if settings.attention == "parent" else ImageHead)(settings, feature_channels)
