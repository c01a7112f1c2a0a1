import torch

from spectraflow.store.batches import batches


def test_batches_drop_the_incomplete_one_unless_it_is_alone():
    rows = torch.arange(10)
    assert [len(b) for b in batches(rows, 4)] == [4, 4]
    assert [len(b) for b in batches(rows, 4, drop_last=False)] == [4, 4, 2]
    assert [len(b) for b in batches(rows, 64)] == [10]
    one = torch.cat(list(batches(rows, 5, torch.Generator().manual_seed(1))))
    two = torch.cat(list(batches(rows, 5, torch.Generator().manual_seed(1))))
    assert one.tolist() == two.tolist() != rows.tolist()
    assert sorted(one.tolist()) == rows.tolist()
