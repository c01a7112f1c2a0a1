import torch

from spectraflow.store.mixing import mixed

MASK = (1 << 64) - 1


def splitmix64(value: int) -> int:
    """The published algorithm on unsigned Python integers."""
    z = (value + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_hashes_are_those_of_splitmix64_also_of_negative_values():
    values = [0, 1, -1, 2**62, -(2**63), 123_456_789, -987_654_321]
    assert [one & MASK for one in mixed(torch.tensor(values)).tolist()] == [splitmix64(one & MASK) for one in values]


def test_all_bits_are_used():
    bits = mixed(torch.arange(4096)) < 0
    assert 0.45 < bits.float().mean() < 0.55
