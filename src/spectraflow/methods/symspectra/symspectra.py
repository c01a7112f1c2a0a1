"""SymSpectra as a group model: its losses around the network, and its probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor

from spectraflow.methods.symspectra.batch import ElementLoss, GroupModel, SpectraBatch
from spectraflow.methods.symspectra.bottleneck import GatedSums, bottleneck, gated_sums
from spectraflow.methods.symspectra.model import Forward, Gated, SymSpectraNetwork
from spectraflow.methods.symspectra.settings import NetworkSettings, ObjectiveSettings
from spectraflow.methods.symspectra.weights import dynamic_weights, pointwise_cmi, scale_gradient
from spectraflow.training.distributed import gathered


class SymSpectra(GroupModel):
    """Network and objective (reference section 5).

    Args:
        modalities: names, in the order of a batch's vectors.
        order: permutation of the groups in which the decoder decides them.
        base_rates: share of training molecules that have each group, (K,).
        network: sizes and parts.
        objective: weights of the losses.
    """

    def __init__(
        self,
        modalities: Sequence[str],
        order: Sequence[int],
        base_rates: Tensor,
        network: NetworkSettings,
        objective: ObjectiveSettings,
    ) -> None:
        super().__init__()
        self.objective = objective
        masked = objective.conditional_tokens == "masked_pass"
        self.network = SymSpectraNetwork(modalities, order, base_rates, network, masked_pass=masked)

    def loss(self, batch: SpectraBatch, element_loss: ElementLoss) -> tuple[Tensor, dict[str, Tensor]]:
        """Return prediction, auxiliary and bottleneck losses together, and each of them."""
        passed = self.network(batch)
        auxiliary = self._auxiliary(passed, batch)
        if auxiliary is not None:
            auxiliary = gathered(auxiliary.transpose(0, 1)).transpose(0, 1)
        main, labels = gathered(passed.main), gathered(batch.labels)
        samples, features, cmi = self._weights(main, auxiliary, labels)

        def weighted(logits: Tensor) -> Tensor:
            return (samples * (features * element_loss(logits.float(), labels)).mean(1)).mean()

        terms = {"main": weighted(main)}
        loss = self.objective.main_head_weight * terms["main"]
        if self.network.decoder is not None:
            told = self.objective.truth_probability * self.objective.truth_decay**batch.epoch
            terms["decoder"] = weighted(gathered(self.network.decoder(passed.feature, passed.main, batch.labels, told)))
            loss = loss + terms["decoder"]
        if auxiliary is not None and auxiliary.requires_grad:
            terms["auxiliary"] = torch.stack([element_loss(one.float(), labels).mean() for one in auxiliary]).sum()
            loss = loss + terms["auxiliary"]
        if self.objective.beta > 0:
            terms["bottleneck"] = gathered(self._bottleneck(passed, batch)).mean()
            loss = loss + self.objective.beta * terms["bottleneck"]
        present = batch.present.T
        kept = [gathered(one.kept.detach()[here]).mean() for one, here in zip(passed.gated, present, strict=True)]
        figures = {**terms, "cmi": cmi.mean(), "kept": torch.stack(kept).nanmean()}
        return loss, {name: value.detach() for name, value in figures.items()}

    def probabilities(self, batch: SpectraBatch) -> Tensor:
        """Return the decoder's probabilities, or those of the main predictor without a decoder."""
        passed = self.network(batch)
        return self._final_logits(passed).float().sigmoid()

    def _final_logits(self, passed: Forward) -> Tensor:
        return passed.main if self.network.decoder is None else self.network.decoder(passed.feature, passed.main)

    def _auxiliary(self, passed: Forward, batch: SpectraBatch) -> Tensor | None:
        """Return auxiliary logits (n, B, K); None where nothing uses them."""
        objective = self.objective
        if self.network.settings.auxiliary == "none":
            return None
        compressed = [scale_gradient(one.compressed, objective.aux_encoder_grad) for one in passed.gated]
        return self.network.without_each(compressed, [one.moments[0] for one in passed.gated], batch.present)

    def _weights(self, main: Tensor, auxiliary: Tensor | None, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return weights of samples (B,) and labels (B, K), and the information they come from (B, K)."""
        objective = self.objective
        if auxiliary is None:
            return main.new_ones(len(main)), torch.ones_like(main), torch.zeros_like(main)
        cmi = pointwise_cmi(main, auxiliary, labels, objective.cmi_reduce)
        return (*dynamic_weights(cmi, objective.sample_scale, objective.feature_scale), cmi)

    def _bottleneck(self, passed: Forward, batch: SpectraBatch) -> Tensor:
        """Return the sum over modalities of the bottleneck terms, (B,)."""
        present = batch.present
        total = passed.main.new_zeros(len(present), dtype=torch.float32)
        for i, own in enumerate(passed.gated):
            sums = gated_sums(own.tokens, own.kept, present[:, i], own.moments)
            term = bottleneck(sums, self._others(i, passed, present), self.objective.bound)
            total = total + torch.where(present[:, i], term, 0.0)
        return total

    def _others(self, i: int, passed: Forward, present: Tensor) -> GatedSums | None:
        """Return the conditional sums of modality `i`, in units of its own noise; None for a single modality."""
        moments = passed.gated[i].moments
        if len(passed.gated) == 1:
            return None
        if self.objective.conditional_tokens == "masked_pass":
            tokens, kept = self.network.masked_pass(i, passed.keys, present)
            others = present.clone()
            others[:, i] = False
            return gated_sums(tokens, kept, others.any(1), moments)
        sums = [
            gated_sums(one.tokens, one.kept, present[:, j], moments) for j, one in enumerate(passed.gated) if j != i
        ]
        total = sums[0]
        for one in sums[1:]:
            total = total + one
        return total


def importance(gated: Sequence[Gated]) -> Tensor:
    """Return the share of each token that is kept, (B, n, L)."""
    return torch.stack([one.kept for one in gated], 1)
