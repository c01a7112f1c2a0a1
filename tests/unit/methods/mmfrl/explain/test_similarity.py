import numpy as np
import pytest

from spectraflow.methods.mmfrl.explain.similarity import compared, cosines, linear_cka, shuffled_cka


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(400, 6))


def test_cka_ignores_rotation_scale_and_origin(features):
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(6, 6)))[0]
    assert linear_cka(features, features) == pytest.approx(1)
    assert linear_cka(features, 3 * features @ rotation + 5) == pytest.approx(1)


def test_cka_of_a_direction_kept_of_two():
    """By hand: of two orthogonal columns with squared norms 4 and 4, one is kept: 4^2 / (4 sqrt(32))."""
    both = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1.0]])
    assert linear_cka(both, both[:, :1]) == pytest.approx(16 / (4 * np.sqrt(32)))


def test_cka_of_unrelated_and_of_constant_embeddings(features):
    other = np.random.default_rng(2).normal(size=(400, 6))
    assert linear_cka(features, other) < 0.05
    assert np.isnan(linear_cka(features, np.ones((400, 2))))
    with pytest.raises(ValueError, match="400 and 3 molecules"):
        linear_cka(features, other[:3])


def test_shuffled_molecules_lose_what_embeddings_share(features):
    control = shuffled_cka(features, features, 5, seed=0)
    assert control.shape == (5,)
    assert control.max() < 0.05
    few = np.random.default_rng(3).normal(size=(10, 50))
    assert shuffled_cka(few, few, 5, seed=0).min() > 0.5, "few molecules in many dimensions look alike"


def test_cosines():
    one, other = np.array([[1.0, 0], [1, 1], [0, 0]]), np.array([[0, 2.0], [3, 3], [1, 0]])
    np.testing.assert_allclose(cosines(one, other), [0, 1, 0], atol=1e-12)


def test_every_pair_is_compared_with_its_control(features):
    rotated = features[:, ::-1].copy()
    found = compared({"smiles": features, "nmr": rotated}, features[:, :3], shuffles=4, seed=0)
    pairs = {(one["one"], one["other"]): one for one in found["pairs"]}
    assert set(pairs) == {("smiles", "nmr"), ("smiles", "fused"), ("nmr", "fused")}
    alike = pairs["smiles", "nmr"]
    assert alike["cka"] == pytest.approx(1)
    assert alike["shuffled_cka"]["mean"] <= alike["shuffled_cka"]["highest"] < 0.1
    assert alike["cosine"]["low"] <= alike["cosine"]["value"] <= alike["cosine"]["high"]
    assert abs(alike["cosine"]["value"]) < 0.5, "equal up to a rotation, and yet of low cosine"
    assert pairs["nmr", "fused"]["cosine"] is None
    assert found["molecules"] == 400


def test_a_dead_embedding_gives_no_numbers(features):
    (pair,) = compared({"smiles": features, "nmr": np.zeros_like(features)}, None, shuffles=2, seed=0)["pairs"]
    assert pair["cka"] is None
    assert pair["shuffled_cka"] == {"mean": None, "highest": None}
