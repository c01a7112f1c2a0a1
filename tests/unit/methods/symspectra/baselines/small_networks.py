"""Small batches of made-up spectra whose labels are visible in all of them, and what every network must do."""

from collections.abc import Callable

import torch
from torch.nn import functional as F

from spectraflow.methods.symspectra.batch import GroupModel, SpectraBatch
from spectraflow.methods.symspectra.settings import BaselineSettings

VOCABULARY = ["<pad>", "<unk>", "<13C>", "<1H>", "<MS>", *(f"{number}.0" for number in range(12))]
MODALITIES = ["MS", "13C", "1H_wide"]
SMALL = BaselineSettings(
    filters=[4, 8], dense=[32, 16], dim=16, heads=2, feedforward=32, layers=1, dropout=0.0, patch=20, label_smoothing=0
)


def element_loss(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, labels, reduction="none")


def _tokens(labels):
    """Every modality says the groups that are there: token 5 + k for group k."""
    rows = []
    for row in labels.bool():
        said = (row.nonzero()[:, 0] + 5).tolist()
        rows.append([4, *said, 2, *said, 3, *said])
    width = max(len(row) for row in rows)
    return torch.tensor([row + [0] * (width - len(row)) for row in rows])


def make_batch(size=8, groups=5, seed=0) -> SpectraBatch:
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(size, groups, generator=generator) < 0.4).float()
    bands = labels.repeat_interleave(600 // groups, 1)[:, None].expand(-1, 3, -1)
    vectors = bands * torch.linspace(0.5, 1, 600) + 0.05 * torch.rand(size, 3, 600, generator=generator)
    present = torch.ones(size, 3, dtype=torch.bool)
    return SpectraBatch(vectors, present, labels, torch.arange(size), _tokens(labels))


def select(batch: SpectraBatch, rows) -> SpectraBatch:
    return SpectraBatch(*(x[rows] for x in (batch.vectors, batch.present, batch.labels, batch.rows, batch.tokens)))


def without(batch: SpectraBatch, place: int, seed: int) -> SpectraBatch:
    """The batch without a modality, whose values and tokens are noise."""
    generator = torch.Generator().manual_seed(seed)
    vectors, present, tokens = batch.vectors.clone(), batch.present.clone(), batch.tokens.clone()
    present[:, place] = False
    vectors[:, place] = torch.rand(len(vectors), 600, generator=generator)
    marker = {0: 4, 1: 2, 2: 3}[place]
    inside = torch.zeros(len(tokens), dtype=torch.bool)
    for column in range(tokens.shape[1]):
        here = tokens[:, column]
        inside = torch.where(here == marker, True, inside & ~torch.isin(here, torch.tensor([2, 3, 4])))
        spoken = inside & (here >= 5)
        noise = torch.randint(5, 10, (len(tokens),), generator=generator)
        tokens[:, column] = torch.where(spoken, noise, here)
    return SpectraBatch(vectors, present, batch.labels, batch.rows, tokens)


def train(model: GroupModel, batch: SpectraBatch, steps: int, rate: float = 0.01) -> float:
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.0)
    model.train()
    for _ in range(steps):
        loss, _ = model.loss(batch, element_loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def predict(model: GroupModel, batch: SpectraBatch) -> torch.Tensor:
    model.eval()
    return model.probabilities(batch)


def check_network(make: Callable[[], GroupModel], steps: int = 80, rate: float = 0.01) -> None:
    """Shapes, determinism, overfitting, masks, neighbours and a round trip of the weights."""
    batch = make_batch()
    torch.manual_seed(1)
    model = make()
    twin = make()
    twin.load_state_dict(model.state_dict())
    assert train(model, batch, 2, rate) == train(twin, batch, 2, rate)
    torch.testing.assert_close(predict(model, batch), predict(twin, batch))
    assert train(model, batch, steps, rate) < 0.1
    found = predict(model, batch)
    assert found.shape == batch.labels.shape
    assert torch.equal(found >= 0.5, batch.labels >= 0.5)
    for rows in ([0], [3, 7], list(range(4, 8))):
        torch.testing.assert_close(predict(model, select(batch, rows)), found[rows], atol=1e-5, rtol=1e-4)
    for place in range(3):
        one, other = (predict(model, without(batch, place, seed)) for seed in (1, 2))
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)
    nothing = SpectraBatch(batch.vectors, torch.zeros_like(batch.present), batch.labels, batch.rows, batch.tokens)
    assert predict(model, nothing).isfinite().all()
    assert train(model, nothing, 1) < float("inf")
