import pytest
import torch

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.pretraining_parts import even_batches, pretraining_parts
from spectraflow.methods.mmfrl.settings import PretrainingRun

BLOCKS = [f"B{number // 3}" for number in range(300)]


def parts(**differences):
    return pretraining_parts(BLOCKS, PretrainingRun(**differences))


def test_no_first_block_is_in_both_parts():
    found = parts(held_out=0.1)
    blocks = [{BLOCKS[row] for row in rows.tolist()} for rows in found]
    assert blocks[0].isdisjoint(blocks[1])
    assert sorted(torch.cat(list(found)).tolist()) == list(range(300))
    assert 30 <= len(found.held_out) < 33


def test_parts_depend_on_the_seed_alone():
    seeds = [parts(training={"seed": seed}).held_out.tolist() for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]


def test_fewer_molecules_are_drawn_beside_those_held_out():
    found = parts(molecules=50, held_out=0.1)
    assert len(found.train) == 50
    assert 5 <= len(found.held_out) < 8
    assert set(found.train.tolist()).isdisjoint(found.held_out.tolist())


def test_too_few_molecules_are_an_error():
    with pytest.raises(InputError, match="too few"):
        pretraining_parts(["A", "B", "C"], PretrainingRun())


def test_even_batches_leave_no_single_row():
    batches = even_batches(torch.arange(33), 16)
    assert [len(one) for one in batches] == [11, 11, 11]
    assert torch.cat(batches).tolist() == list(range(33))
