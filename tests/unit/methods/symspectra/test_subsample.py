from itertools import pairwise

import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.settings import SubsampleSettings
from spectraflow.methods.symspectra.subsample import kept_molecules

NAMES = ["Enol", "Amide"]


def data(count: int = 60) -> tuple[list[str], np.ndarray]:
    labels = np.zeros((count, 2), dtype=bool)
    labels[::3, 0] = True
    labels[::2, 1] = True
    return [f"x:{(7 * i) % count:03d}" for i in range(count)], labels


def kept_ids(ids: list[str], labels: np.ndarray, share: float, seed: int = 0) -> set[str]:
    kept = kept_molecules(ids, labels, NAMES, SubsampleSettings(group="Enol", kept=share), seed)
    return {ids[row] for row in np.flatnonzero(kept)}


def test_only_positives_of_the_group_go_and_smaller_shares_are_nested():
    ids, labels = data()
    positive = {ids[row] for row in np.flatnonzero(labels[:, 0])}
    negative = set(ids) - positive
    shares = (0.0, 0.25, 0.5, 0.75, 1.0)
    kept = [kept_ids(ids, labels, share) for share in shares]
    assert [len(one & positive) for one in kept] == [0, 5, 10, 15, 20]
    assert all(negative <= one for one in kept)
    assert all(smaller <= larger for smaller, larger in pairwise(kept))


def test_choice_depends_on_the_seed_and_not_on_the_order_of_rows():
    ids, labels = data()
    order = np.random.default_rng(0).permutation(len(ids))
    again = kept_ids([ids[row] for row in order], labels[order], 0.5)
    assert again == kept_ids(ids, labels, 0.5)
    assert again != kept_ids(ids, labels, 0.5, seed=1)


def test_no_group_keeps_everything_and_an_unknown_one_is_named():
    ids, labels = data()
    assert kept_molecules(ids, labels, NAMES, SubsampleSettings()).all()
    with pytest.raises(InputError, match="'Thial'; known: Enol, Amide"):
        kept_molecules(ids, labels, NAMES, SubsampleSettings(group="Thial"))
