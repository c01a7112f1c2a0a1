import csv
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import matthews_corrcoef, mutual_info_score

from spectraflow.errors import InputError
from spectraflow.methods.symspectra.orders import (
    entropies,
    gnn_order,
    iupac_order,
    label_order,
    mutual_information,
    mutual_information_order,
    phi_coefficients,
)

KINDS = ("iupac", "alphabetical", "frequency", "random", "mutual_information", "gnn")
DEFINITIONS = Path(__file__).parents[4] / "resources/functional_groups.csv"


def group_names() -> list[str]:
    with DEFINITIONS.open(encoding="utf-8") as handle:
        return [row["name"] for row in csv.DictReader(handle)]


def some_labels(seed: int = 0, count: int = 200, width: int = 6) -> np.ndarray:
    generator = np.random.default_rng(seed)
    labels = generator.random((count, width)) < np.linspace(0.5, 0.05, width)
    labels[:, 1] |= labels[:, 0] & (generator.random(count) < 0.8)
    return labels


def printed(order: list[int]) -> list[int]:
    return [k + 1 for k in order if k + 1 in (8, 9, 13, 16, 22)]


def test_iupac_keeps_the_printed_order_and_ranks_every_group():
    names = group_names()
    order = iupac_order(names)
    assert printed(order) == [13, 16, 8, 9, 22]
    assert [k + 1 for k in order[:6]] == [13, 33, 1, 16, 12, 31]
    assert [k + 1 for k in order[-4:]] == [10, 6, 7, 5]
    assert sorted(order) == list(range(37))


def test_unknown_groups_come_last_as_they_stand():
    assert iupac_order(["beta lactam", "Alkane", "acetal", "Carboxylic acid"]) == [3, 1, 0, 2]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("constant", [None, False, True])
def test_every_order_is_a_permutation_that_a_seed_repeats(kind, constant):
    names = group_names()[:6]
    labels = some_labels() if constant is None else np.full((5, 6), constant)
    order = label_order(kind, labels, names, seed=3)
    assert sorted(order) == list(range(6))
    assert order == label_order(kind, labels, names, seed=3)


def test_frequency_takes_the_commonest_first():
    labels = np.array([[0, 1, 1], [0, 1, 0], [0, 1, 1]], dtype=bool)
    assert label_order("frequency", labels, ["a", "b", "c"]) == [1, 2, 0]


def test_random_orders_differ_by_seed():
    labels = some_labels()
    orders = {tuple(label_order("random", labels, list("abcdef"), seed)) for seed in range(10)}
    assert len(orders) > 5


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(1, 5), st.integers(0, 10_000))
def test_information_agrees_with_scikit_learn(count, width, seed):
    generator = np.random.default_rng(seed)
    labels = generator.random((count, width)) < generator.random(width)
    information, entropy, phi = mutual_information(labels), entropies(labels), phi_coefficients(labels)
    for i in range(width):
        assert entropy[i] == pytest.approx(mutual_info_score(labels[:, i], labels[:, i]) / np.log(2), abs=1e-9)
        for j in range(width):
            both = mutual_info_score(labels[:, i], labels[:, j]) / np.log(2)
            assert information[i, j] == pytest.approx(0 if i == j else both, abs=1e-9)
            correlation = 0 if i == j else matthews_corrcoef(labels[:, i], labels[:, j])
            assert phi[i, j] == pytest.approx(correlation, abs=1e-6)


def repeated(*patterns: tuple[int, tuple[int, ...]]) -> np.ndarray:
    return np.array([row for times, row in patterns for _ in range(times)], dtype=bool)


def test_tree_is_walked_from_the_least_entropy_by_breadth():
    # c is the rarest; a follows c closely, b follows a closely, d is joined to c alone and rarer than a
    labels = repeated((60, (0, 0, 0, 0)), (30, (0, 1, 0, 0)), (14, (1, 1, 0, 0)), (8, (1, 1, 1, 1)), (4, (0, 0, 0, 1)))
    entropy, information = entropies(labels), mutual_information(labels)
    assert np.argsort(entropy).tolist() == [2, 3, 0, 1]
    assert information[2, 3] > information[0, 3]
    assert information[0, 1] > information[1, 2]
    assert mutual_information_order(labels) == [2, 3, 0, 1]


def test_breadth_comes_before_depth():
    # a chain 0 - 1 - 2 and a leaf 3 beside 1 on 0: the leaf goes before the grandchild though its entropy is higher
    generator = np.random.default_rng(0)
    count = 4000
    root = generator.random(count) < 0.05
    child = np.where(root, True, generator.random(count) < 0.06)
    grandchild = np.where(child, generator.random(count) < 0.95, generator.random(count) < 0.01)
    leaf = np.where(root, generator.random(count) < 0.98, generator.random(count) < 0.4)
    labels = np.stack([root, child, grandchild, leaf], axis=1).astype(bool)
    information = mutual_information(labels)
    tree = nx.minimum_spanning_tree(
        nx.Graph([(i, j, {"weight": -information[i, j]}) for i in range(4) for j in range(i)])
    )
    assert {frozenset(edge) for edge in tree.edges} == {frozenset(pair) for pair in ((0, 1), (1, 2), (0, 3))}
    assert entropies(labels)[3] > entropies(labels)[2]
    assert mutual_information_order(labels) == [0, 1, 3, 2]


def test_what_the_tree_does_not_reach_follows_by_entropy():
    # 0 and 3 are equal, 1 and 2 are equal, and the two pairs are independent; 4 is constant
    labels = repeated((9, (0, 0, 0, 0, 1)), (9, (0, 1, 1, 0, 1)), (1, (1, 0, 0, 1, 1)), (1, (1, 1, 1, 1, 1)))
    assert mutual_information(labels)[0, 1] == 0
    assert mutual_information_order(labels) == [4, 0, 3, 1, 2]


def test_learnt_order_follows_entropy_and_leaves_the_global_generator_alone():
    import torch

    generator = np.random.default_rng(1)
    labels = generator.random((3000, 5)) < np.array([0.5, 0.2, 0.06, 0.02, 0.004])
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    order = gnn_order(labels, seed=2)
    assert torch.rand(1) == expected
    assert order.index(4) < order.index(0)
    assert order.index(3) < order.index(0)


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="give no order"):
        label_order("iupac", np.zeros((0, 2), bool), ["a", "b"])
    with pytest.raises(InputError, match="of 3 groups"):
        label_order("iupac", np.zeros((2, 2), bool), ["a", "b", "c"])
