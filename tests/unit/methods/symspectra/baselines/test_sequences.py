import pytest
import torch

from spectraflow.methods.symspectra.baselines.sequences import (
    attention_padding,
    kept_mean,
    kept_tokens,
    patches,
    sinusoids,
)


def test_patches_cover_a_spectrum_in_order():
    assert patches(torch.arange(1.0, 6.0), 2).tolist() == [[1, 2], [3, 4], [5, 0]]
    assert patches(torch.zeros(4, 3, 600), 75).shape == (4, 3, 8, 75)


@pytest.mark.parametrize("dim", [6, 7])
def test_positions_are_those_of_vaswani_up_to_the_order_of_columns(dim):
    found = sinusoids(50, dim)
    assert found.shape == (50, dim)
    place = torch.arange(50)
    torch.testing.assert_close(found[:, 0], place.sin())
    torch.testing.assert_close(found[:, 1], (place / 10_000 ** (1 / ((dim + 1) // 2))).sin())


def test_rows_without_anything_attend_to_their_first_position():
    kept = torch.tensor([[False, True], [False, False]])
    assert attention_padding(kept).tolist() == [[True, False], [False, True]]
    assert kept.tolist() == [[False, True], [False, False]]


def test_means_leave_out_what_is_not_kept():
    states = torch.tensor([[[1.0], [3.0], [100.0]], [[5.0], [5.0], [5.0]]])
    kept = torch.tensor([[True, True, False], [False, False, False]])
    assert kept_mean(states, kept).tolist() == [[2.0], [0.0]]


def test_tokens_belong_to_the_marker_before_them():
    markers = torch.tensor([-1, -1, 1, 0, -1])  # <pad> <unk> <13C> <MS> 5.0
    tokens = torch.tensor([[3, 4, 4, 2, 4, 0], [2, 4, 1, 0, 0, 0], [4, 3, 1, 4, 4, 4]])
    present = torch.tensor([[True, False], [True, True], [True, True]])
    assert kept_tokens(tokens, present, markers).int().tolist() == [
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [0, 1, 1, 1, 1, 1],
    ]
