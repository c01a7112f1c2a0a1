import numpy as np
import pytest

from spectraflow.methods.mmfrl.explain.tsne import neighbour_r2, neighbourhoods, plane

PARTS = np.array(["train"] * 60 + ["val"] * 10 + ["test"] * 30)


@pytest.fixture
def groups():
    """Five distant groups in 8 dimensions, each with its own target."""
    generator = np.random.default_rng(0)
    group = generator.integers(5, size=100)
    return np.eye(8)[group] * 20 + generator.normal(size=(100, 8)), group.astype(float)


def test_groups_stay_together_on_the_plane(groups):
    features, target = groups
    positions = plane(features, perplexity=10, seed=0)
    assert positions.shape == (100, 2)
    assert neighbour_r2(positions, target, PARTS, 5)["test"] > 0.9
    np.testing.assert_array_equal(positions, plane(features, perplexity=10, seed=0))


def test_collapsed_and_unusable_embeddings():
    np.testing.assert_array_equal(plane(np.ones((6, 3)), perplexity=30, seed=0), np.zeros((6, 2)))
    with pytest.raises(ValueError, match="3 embeddings"):
        plane(np.ones((3, 3)), perplexity=30, seed=0)
    with pytest.raises(ValueError, match="6 embeddings"):
        plane(np.full((6, 3), np.nan), perplexity=30, seed=0)


def test_neighbours_are_training_molecules_and_never_oneself():
    """By hand: a line of molecules; each is predicted by the nearest other training molecule."""
    features = np.array([[0.0], [1], [3], [0.1], [2.9]])
    target = np.array([0.0, 1, 3, 0, 3])
    parts = np.array(["train", "train", "train", "test", "test"])
    found = neighbour_r2(features, target, parts, 1)
    assert found["test"] == pytest.approx(1)
    # train: 0 -> 1, 1 -> 0, 3 -> 1: squared errors 1 + 1 + 4 of a spread of 14 / 3
    assert found["train"] == pytest.approx(1 - 6 / (14 / 3))
    assert np.isnan(found["val"])


def test_molecules_without_a_measurement_count_for_nothing():
    features = np.array([[0.0], [1], [0.4], [0], [1]])
    parts = np.array(["train", "train", "train", "test", "test"])
    found = neighbour_r2(features, np.array([0, 1, np.nan, 0, 1]), parts, 1)
    assert found["test"] == pytest.approx(1)
    without = neighbour_r2(features, np.array([0, 1, 5.0, np.nan, 1]), parts, 1)
    assert np.isnan(without["test"]), "one value has no spread"


def test_the_control_knows_nothing(groups):
    features, target = groups
    found = neighbourhoods(features, features[:, :2], target, PARTS, neighbours=5, shuffles=5, seed=0)
    assert found["embedding"]["train"] > 0.9
    assert found["embedding"]["test"] > 0.9
    assert found["shuffled"]["test"] < 0.3
    assert found["plane"]["test"] < found["embedding"]["test"], "two of the dimensions tell less than all"


def test_a_part_without_molecules_is_null(groups):
    features, target = groups
    parts = np.where(PARTS == "val", "train", PARTS)
    found = neighbourhoods(features, features, target, parts, neighbours=5, shuffles=2, seed=0)
    assert found["embedding"]["val"] is None
    assert found["shuffled"]["val"] is None
