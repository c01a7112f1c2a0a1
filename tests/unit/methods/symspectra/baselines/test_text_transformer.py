import pytest
import torch

from spectraflow.methods.symspectra.baselines.text_transformer import TextTransformer, target_tokens
from tests.unit.methods.symspectra.baselines.small_networks import (
    MODALITIES,
    SMALL,
    VOCABULARY,
    check_network,
    element_loss,
    predict,
)

ORDER = [3, 0, 4, 1, 2]


def test_network():
    check_network(lambda: TextTransformer(MODALITIES, ORDER, SMALL, VOCABULARY), rate=0.01, steps=100)


def test_targets_follow_the_order_and_end():
    labels = torch.tensor([[1.0, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
    targets = target_tokens(labels, torch.tensor(ORDER))
    assert targets.tolist() == [[6, 3, 5, 2, 0, 0], [2, 0, 0, 0, 0, 0], [6, 3, 7, 4, 5, 2]]


def test_probabilities_are_a_set_of_groups_whatever_the_weights(batch):
    torch.manual_seed(0)
    found = predict(TextTransformer(MODALITIES, ORDER, SMALL, VOCABULARY), batch)
    assert found.shape == (8, 5)
    assert set(found.unique().tolist()) <= {0.0, 1.0}


def test_the_loss_is_the_cross_entropy_of_the_written_tokens(batch):
    torch.manual_seed(0)
    model = TextTransformer(MODALITIES, ORDER, SMALL, VOCABULARY).eval()
    smooth = TextTransformer(MODALITIES, ORDER, SMALL.model_copy(update={"label_smoothing": 0.1}), VOCABULARY).eval()
    smooth.load_state_dict(model.state_dict())
    loss, _ = model.loss(batch, element_loss)
    memory, padding = model._read(batch)
    targets = target_tokens(batch.labels, model.order)
    total, count = 0.0, 0
    for row in range(len(targets)):
        written = [1]
        for token in targets[row][targets[row] > 0].tolist():
            logits = model._write(torch.tensor([written]), memory[row : row + 1], padding[row : row + 1])
            total -= float(logits[0, -1].detach().log_softmax(0)[token])
            count += 1
            written.append(token)
    assert loss.item() == pytest.approx(total / count, rel=1e-4)
    assert smooth.loss(batch, element_loss)[0].item() != pytest.approx(loss.item(), rel=1e-3)
