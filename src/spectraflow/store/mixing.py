"""Hashing of integers in tensors, for environments of atoms."""

from torch import Tensor

_GOLDEN, _FIRST, _SECOND = -7046029254386353131, -4658895280553007687, -7723592293110705685


def mixed(x: Tensor) -> Tensor:
    """Return hashes of int64 values, distinct for distinct values: the finaliser of splitmix64 (Steele et al. 2014)."""
    x = x + _GOLDEN
    x = (x ^ _shifted(x, 30)) * _FIRST
    x = (x ^ _shifted(x, 27)) * _SECOND
    return x ^ _shifted(x, 31)


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Shift right with zeros coming in; `>>` brings in the sign, which would not be one-to-one."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
