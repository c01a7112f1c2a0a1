from dataclasses import replace

from tests.unit.methods.matchnet.network_pairs import make_batch


def tensors_of(batch):
    yield from batch.graph
    yield batch.labels
    for group in (batch.features, batch.columns):
        yield from group.values()
    for peaks in batch.peaks.values():
        yield from peaks


def test_everything_moves_to_the_device():
    batch = make_batch()
    moved = batch.to("meta")
    pairs = list(zip(tensors_of(batch), tensors_of(moved), strict=True))
    assert len(pairs) == 4 + 1 + 2 + 2 + 6
    assert all(after.device.type == "meta" and after.shape == before.shape for before, after in pairs)


def test_what_a_network_does_not_read_may_be_missing():
    moved = replace(make_batch(), features=None, columns=None, peaks=None).to("cpu")
    assert moved.features is None
    assert moved.columns is None
    assert moved.peaks is None
