"""Embeddings of SMILES: a transformer that fills in masked tokens (Devlin et al. 2019), averaged over its tokens."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from spectraflow.methods.mmfrl.pretraining_parts import PretrainingParts, even_batches
from spectraflow.methods.mmfrl.settings import SmilesEncoderSettings
from spectraflow.store.ragged import Ragged
from spectraflow.training.fit import Record

TOKEN = re.compile(r"\[[^\]]+\]|Br|Cl|%\d\d|.")
PAD, MASK, UNKNOWN = 0, 1, 2
SHOWN_AS_MASK, SHOWN_AS_OTHER = 0.8, 0.1
"""Shares of the masked tokens that are shown as [MASK] and as another token; the rest is shown as it is."""
POOL = 32
"""Batches drawn together and then sorted by length, so that little of a batch is padding."""
DROPOUT = 0.1


class SmilesVocabulary:
    """Tokens of SMILES: bracket atoms, two-letter elements, ring numbers above 9, else single characters."""

    def __init__(self, smiles: Iterable[str]) -> None:
        found = Counter(token for text in smiles for token in TOKEN.findall(text))
        self._code = {token: code for code, token in enumerate(sorted(found), start=UNKNOWN + 1)}

    def __len__(self) -> int:
        return len(self._code) + UNKNOWN + 1

    def codes(self, text: str, longest: int) -> list[int]:
        """Return the codes of at most `longest` tokens; tokens that are not known get UNKNOWN."""
        return [self._code.get(token, UNKNOWN) for token in TOKEN.findall(text)[:longest]]


@dataclass(frozen=True)
class TokenStore:
    """Codes of all molecules, one after the other."""

    codes: Ragged
    vocabulary: int

    @classmethod
    def encode(cls, smiles: Sequence[str], trained_on: Tensor, longest: int) -> Self:
        """Encode SMILES with the vocabulary of the rows that are trained on."""
        vocabulary = SmilesVocabulary(smiles[row] for row in trained_on.tolist())
        rows = [vocabulary.codes(text, longest) for text in smiles]
        offsets = torch.tensor([0, *(len(row) for row in rows)]).cumsum(0)
        return cls(Ragged(torch.tensor([code for row in rows for code in row]), offsets), len(vocabulary))

    def to(self, device: torch.device | str) -> Self:
        """Return the store on `device`."""
        return replace(self, codes=self.codes.to(device))

    def padded(self, rows: Tensor) -> Tensor:
        """Return the codes of rows (B,), (B, longest) int64, padded at the end."""
        values, segment, counts = self.codes.take(rows)
        longest = int(counts.max())
        place = torch.arange(len(values), device=values.device) - (counts.cumsum(0) - counts)[segment]
        codes = values.new_full((len(rows), longest), PAD)
        codes[segment, place] = values
        return codes


class MaskedTokens(NamedTuple):
    """shown and true codes (B, L), and which tokens (B, L) bool are to be filled in."""

    shown: Tensor
    true: Tensor
    masked: Tensor


def mask_tokens(codes: Tensor, share: float, vocabulary: int, generator: torch.Generator) -> MaskedTokens:
    """Choose a `share` of the tokens (at least one) and hide most of them; drawn on the CPU, so alike on any device."""
    shape = codes.shape
    drawn, fate = torch.rand(shape, generator=generator), torch.rand(shape, generator=generator)
    others = torch.randint(UNKNOWN + 1, max(vocabulary, UNKNOWN + 2), shape, generator=generator)
    drawn, fate, others = (one.to(codes.device) for one in (drawn, fate, others))
    drawn = drawn.masked_fill(codes == PAD, 2)
    masked = drawn < max(share, float(drawn.min()) + 1e-7)
    shown = torch.where(masked & (fate < SHOWN_AS_MASK), MASK, codes)
    shown = torch.where(masked & (fate >= 1 - SHOWN_AS_OTHER), others, shown)
    return MaskedTokens(shown, codes, masked)


class SmilesTransformer(nn.Module):
    """Transformer encoder with learnt positions; its output weights are those of its input."""

    def __init__(self, settings: SmilesEncoderSettings, vocabulary: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, settings.dim, padding_idx=PAD)
        self.positions = nn.Embedding(settings.longest, settings.dim)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            settings.dim, settings.heads, 4 * settings.dim, DROPOUT, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(
            layer, settings.layers, norm=nn.LayerNorm(settings.dim), enable_nested_tensor=False
        )
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def _hidden(self, codes: Tensor) -> Tensor:
        positions = self.positions.weight[: codes.shape[1]]
        hidden: Tensor = self.layers(self.tokens(codes) + positions, src_key_padding_mask=codes == PAD)
        return hidden

    def forward(self, shown: Tensor, masked: Tensor) -> Tensor:
        """Return logits (M, V) of the M masked tokens of codes (B, L), row by row."""
        return functional.linear(self._hidden(shown)[masked], self.tokens.weight, self.bias)

    def encode(self, codes: Tensor) -> Tensor:
        """Return the mean over the tokens of codes (B, L), (B, dim)."""
        real = (codes != PAD)[:, :, None]
        return (self._hidden(codes) * real).sum(1) / real.sum(1)


@dataclass
class SmilesTask:
    """What the masked-token model gives the fit loop; the held-out molecules select the epoch."""

    model: SmilesTransformer
    store: TokenStore
    parts: PretrainingParts
    settings: SmilesEncoderSettings
    monitor: str = "val/loss"

    def training_batches(self, generator: torch.Generator, epoch: int) -> Iterator[MaskedTokens]:
        """Yield batches of molecules of similar length, in random order."""
        for rows in _similar_lengths(
            self.parts.train, self.store.codes.counts, self.settings.training.batch_size, generator
        ):
            yield self._masked(rows, generator)

    def _masked(self, rows: Tensor, generator: torch.Generator) -> MaskedTokens:
        codes = self.store.padded(rows.to(self.store.codes.offsets.device))
        return mask_tokens(codes, self.settings.masked, self.store.vocabulary, generator)

    def loss(self, model: nn.Module, batch: MaskedTokens) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the cross-entropy of the masked tokens."""
        return functional.cross_entropy(model(batch.shown, batch.masked).float(), batch.true[batch.masked]), {}

    def validate(self, model: nn.Module) -> Record:
        """Return loss and share of right tokens; the masks are the same in every epoch."""
        generator = torch.Generator().manual_seed(0)
        loss, right, count = 0.0, 0, 0
        for rows in even_batches(self.parts.held_out, self.settings.training.batch_size):
            batch = self._masked(rows, generator)
            logits, true = model(batch.shown, batch.masked).float(), batch.true[batch.masked]
            loss += float(functional.cross_entropy(logits, true, reduction="sum"))
            right += int((logits.argmax(1) == true).sum())
            count += len(true)
        return {"val/loss": loss / count, "val/accuracy": right / count}

    @torch.no_grad()
    def embeddings(self, rows: Tensor) -> Tensor:
        """Return the embeddings of rows (R,), (R, dim) float32 on the CPU."""
        self.model.eval()
        device = self.store.codes.offsets.device
        batches = even_batches(rows, self.settings.training.batch_size)
        return torch.cat([self.model.encode(self.store.padded(chunk.to(device))).float().cpu() for chunk in batches])


def _similar_lengths(rows: Tensor, counts: Tensor, size: int, generator: torch.Generator) -> list[Tensor]:
    """Return index batches whose molecules are of similar length; incomplete ones are dropped, unless it is all."""
    lengths = counts.cpu()
    shuffled = rows[torch.randperm(len(rows), generator=generator)]
    found: list[Tensor] = []
    for pool in shuffled[: max(size, len(rows) // size * size)].split(POOL * size):
        found += pool[lengths[pool].argsort(stable=True)].split(size)
    return [found[place] for place in torch.randperm(len(found), generator=generator).tolist()]


def smiles_task(
    settings: SmilesEncoderSettings, smiles: Sequence[str], parts: PretrainingParts, device: torch.device
) -> SmilesTask:
    """Return the task of the masked-token model on `smiles`."""
    store = TokenStore.encode(smiles, parts.train, settings.longest)
    return SmilesTask(SmilesTransformer(settings, store.vocabulary), store.to(device), parts, settings)
