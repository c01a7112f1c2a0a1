"""Decoders: groups are decided one after another, each knowing those decided before.

SymSpectra, section 2.4 and appendix P; reference section 4.8.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spectraflow.methods.symspectra.settings import NetworkSettings

_TRANSFORMER_LAYERS, _TRANSFORMER_HEADS = 2, 4


class GroupDecoder(nn.Module):
    """What the decoders share: the order of K groups, and the embedding of a decision."""

    order: Tensor

    def __init__(self, order: Sequence[int], settings: NetworkSettings) -> None:
        super().__init__()
        groups = len(order)
        if sorted(order) != list(range(groups)):
            raise ValueError("the order of a decoder must name every group once")
        self.register_buffer("order", torch.tensor(order, dtype=torch.int64))
        self.decisions = nn.Embedding(2 * groups + 1, settings.decoder_embedding)
        self.output = nn.Linear(settings.decoder_dim, groups)
        self.dropout = nn.Dropout(settings.dropout)
        self.corrects = settings.decoder_output == "correction"

    def start(self, feature: Tensor) -> Tensor:
        """Return the index (B,) of the embedding that no decision precedes."""
        return self.order.new_full((len(feature),), 2 * len(self.order))

    def decided(self, step: int, values: Tensor) -> Tensor:
        """Return the indices (B,) of the embeddings of step `step` decided as `values` (B,), 0 or 1."""
        return 2 * self.order[step] + values.long()

    def step_logits(self, state: Tensor, step: int, main: Tensor) -> Tensor:
        """Return the logit (B,) of the group of `step` from the decoder's state (B, d) and the main logits (B, K)."""
        group = self.order[step]
        logit = state @ self.output.weight[group] + self.output.bias[group]
        return logit + main[:, group] if self.corrects else logit

    def in_label_order(self, logits: Sequence[Tensor]) -> Tensor:
        """Return the logits (B, K) by group from those by step, K of (B,)."""
        return torch.stack(list(logits), 1)[:, self.order.argsort()]

    def forward(
        self, feature: Tensor, main: Tensor, labels: Tensor | None = None, truth_probability: float = 0.0
    ) -> Tensor:
        """Return logits (B, K) of fused features (B, F).

        Args:
            feature: fused features.
            main: logits (B, K) of the main predictor, which a decoder of corrections adds to.
            labels: (B, K), for scheduled sampling; None in evaluation, where own decisions are fed back.
            truth_probability: share of steps and molecules that are told the true group decided before.
        """
        raise NotImplementedError


class RecurrentDecoder(GroupDecoder):
    """LSTM or GRU cell, a step a group; its states start from the fused feature, which each step may be told again.

    Told once, as published, the feature has to survive up to 37 steps: on few molecules it does not.
    """

    def __init__(self, feature: int, order: Sequence[int], settings: NetworkSettings) -> None:
        super().__init__(order, settings)
        width = settings.decoder_dim
        self.gated = settings.decoder == "gru"
        self.told_feature = settings.decoder_input == "decision_and_feature"
        cell = nn.GRUCell if self.gated else nn.LSTMCell
        self.cell = cell(settings.decoder_embedding + (feature if self.told_feature else 0), width)
        self.states = nn.ModuleList(
            nn.Sequential(nn.Linear(feature, width), nn.ReLU(), nn.Linear(width, width), nn.Tanh())
            for _ in range(1 if self.gated else 2)
        )

    def forward(
        self, feature: Tensor, main: Tensor, labels: Tensor | None = None, truth_probability: float = 0.0
    ) -> Tensor:
        """See GroupDecoder."""
        states = [make(feature) for make in self.states]
        index, logits = self.start(feature), []
        told = None
        if labels is not None:
            told = torch.rand(labels.shape, device=labels.device) < truth_probability
        for step in range(len(self.order)):
            told_now = self.decisions(index)
            if self.told_feature:
                told_now = torch.cat([told_now, feature], 1)
            states = [self.cell(told_now, states[0])] if self.gated else list(self.cell(told_now, tuple(states)))
            logit = self.step_logits(self.dropout(states[0]), step, main)
            logits.append(logit)
            values = logit.detach() >= 0
            if labels is not None and told is not None:
                values = torch.where(told[:, step], labels[:, self.order[step]] > 0.5, values)
            index = self.decided(step, values)
        return self.in_label_order(logits)


class TransformerDecoder(GroupDecoder):
    """Causal transformer over decisions; the fused feature is added to the start.

    In training its own decisions come from a first pass that is told the truth, without gradient (two-pass scheduled
    sampling, Mihaylova and Martins 2019); in evaluation they are fed back one after another.
    """

    def __init__(self, feature: int, order: Sequence[int], settings: NetworkSettings) -> None:
        super().__init__(order, settings)
        width = settings.decoder_dim
        self.widen = nn.Linear(settings.decoder_embedding, width)
        self.project = nn.Linear(feature, width)
        self.positions = nn.Parameter(torch.randn(len(order), width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, _TRANSFORMER_HEADS, 4 * width, settings.dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, _TRANSFORMER_LAYERS, nn.LayerNorm(width), enable_nested_tensor=False)

    def _states(self, feature: Tensor, decisions: Tensor) -> Tensor:
        """Return states (B, T, d) after each of the decisions (B, T) int64."""
        length = decisions.shape[1]
        inputs = self.widen(self.decisions(decisions)) + self.positions[:length]
        inputs = torch.cat([inputs[:, :1] + self.project(feature)[:, None], inputs[:, 1:]], 1)
        mask = nn.Transformer.generate_square_subsequent_mask(length, device=inputs.device, dtype=inputs.dtype)
        return self.layers(inputs, mask=mask, is_causal=True)

    def _all_logits(self, feature: Tensor, main: Tensor, values: Tensor) -> Tensor:
        """Return logits by step (B, K) when the groups of the order are decided as `values` (B, K) by step."""
        decided = 2 * self.order + values.long()
        decisions = torch.cat([self.start(feature)[:, None], decided[:, :-1]], 1)
        states = self.dropout(self._states(feature, decisions))
        logits = (states * self.output.weight[self.order]).sum(-1) + self.output.bias[self.order]
        return logits + main[:, self.order] if self.corrects else logits

    def forward(
        self, feature: Tensor, main: Tensor, labels: Tensor | None = None, truth_probability: float = 0.0
    ) -> Tensor:
        """See GroupDecoder."""
        if labels is None:
            return self._greedy(feature, main)
        truth = labels[:, self.order] > 0.5
        with torch.no_grad():
            own = self._all_logits(feature, main, truth) >= 0
        told = torch.rand(truth.shape, device=truth.device) < truth_probability
        return self._all_logits(feature, main, torch.where(told, truth, own))[:, self.order.argsort()]

    def _greedy(self, feature: Tensor, main: Tensor) -> Tensor:
        decisions, logits = self.start(feature)[:, None], []
        for step in range(len(self.order)):
            logit = self.step_logits(self.dropout(self._states(feature, decisions)[:, -1]), step, main)
            logits.append(logit)
            decisions = torch.cat([decisions, self.decided(step, logit >= 0)[:, None]], 1)
        return self.in_label_order(logits)


def build_decoder(feature: int, order: Sequence[int], settings: NetworkSettings) -> GroupDecoder | None:
    """Return the decoder that the settings ask for, or None."""
    if settings.decoder == "none":
        return None
    kind = TransformerDecoder if settings.decoder == "transformer" else RecurrentDecoder
    return kind(feature, order, settings)
