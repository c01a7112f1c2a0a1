import gzip
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem, DataStructs, rdBase

from spectraflow.methods.matchnet.assignment import (
    diff_assignment,
    epoch_negatives,
    near_assignment,
    nearest,
    nearest_isomer,
    paired_tanimoto,
    tanimoto,
    uniform_assignment,
)
from spectraflow.splits.similarity import morgan_fingerprints

MIRROR = Path(__file__).parents[4].parent / "shared" / "data" / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz"
KINDS = ("near", "diff", "uniform")


def alike(count: int, seed: int = 0, families: int = 6) -> np.ndarray:
    """Fingerprints of molecules that come in families."""
    generator = np.random.default_rng(seed)
    parents = generator.random((families, 2048)) < 0.03
    bits = parents[generator.integers(families, size=count)] & (generator.random((count, 2048)) < 0.7)
    return np.packbits(bits | (generator.random((count, 2048)) < 0.003), axis=1)


def packed(smiles: list[str]) -> np.ndarray:
    rows = np.zeros((len(smiles), 2048), np.uint8)
    for row, fingerprint in zip(rows, morgan_fingerprints(smiles), strict=True):
        row[list(fingerprint.GetOnBits())] = 1
    return np.packbits(rows, axis=1)


def assigned(kind: str, bits: np.ndarray, codes: np.ndarray, block: int = 5000, seed: int = 0) -> np.ndarray:
    if kind == "uniform":
        return uniform_assignment(codes, seed)
    return (near_assignment if kind == "near" else diff_assignment)(bits, codes, block, seed)


def assert_sound(partners: np.ndarray, codes: np.ndarray) -> None:
    np.testing.assert_array_equal(np.sort(partners), np.arange(len(codes)))
    assert (codes[partners] != codes).all()


def test_similarities_are_those_of_rdkit():
    smiles = ["CCO", "CCN", "c1ccccc1O", "CCCC", "C"]
    bits, fingerprints = packed(smiles), morgan_fingerprints(smiles)
    expected = np.array([DataStructs.BulkTanimotoSimilarity(one, fingerprints) for one in fingerprints])
    np.testing.assert_allclose(tanimoto(bits, bits), expected, atol=1e-6)
    owners, candidates = np.array([0, 1, 4]), np.array([1, 1, 2])
    np.testing.assert_array_equal(paired_tanimoto(bits, owners, candidates), tanimoto(bits, bits)[owners, candidates])


def test_molecules_without_bits_are_like_none():
    bits = np.zeros((2, 256), np.uint8)
    assert tanimoto(bits, bits).tolist() == [[0, 0], [0, 0]]
    assert paired_tanimoto(bits, np.array([0]), np.array([1])).tolist() == [0]


@given(
    kind=st.sampled_from(KINDS),
    codes=st.lists(st.integers(0, 12), min_size=2, max_size=40),
    block=st.integers(2, 50),
    seed=st.integers(0, 3),
)
@settings(max_examples=80, deadline=None)
def test_every_molecule_is_a_candidate_once_and_never_beside_identical_spectra(kind, codes, block, seed):
    codes = np.array(codes)
    bits = alike(len(codes), seed)
    if 2 * np.bincount(codes).max() > len(codes):
        with pytest.raises(ValueError, match="identical spectra"):
            assigned(kind, bits, codes, block, seed)
        return
    assert_sound(assigned(kind, bits, codes, block, seed), codes)


def test_half_of_the_spectra_may_be_identical():
    codes = np.array([0] * 6 + [1, 2, 3, 4, 5, 6])
    for kind in KINDS:
        assert_sound(assigned(kind, alike(12), codes, block=3), codes)


def test_near_is_nearer_than_uniform_and_diff_is_farthest():
    bits, codes = alike(200), np.arange(200)
    near, diff, uniform = (
        paired_tanimoto(bits, codes, assigned(kind, bits, codes)).mean() for kind in ("near", "diff", "uniform")
    )
    assert near > 1.5 * uniform > 1.5 * 1.5 * diff
    blocks = paired_tanimoto(bits, codes, assigned("near", bits, codes, block=60)).mean()
    assert uniform < blocks < near


@pytest.mark.parametrize("codes", [[0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 2, 3]])
def test_assignment_is_the_best_of_all(codes):
    bits, codes, rows = alike(6, families=2), np.array(codes), np.arange(6)
    similarity = tanimoto(bits, bits)
    allowed = [order for order in map(np.array, permutations(range(6))) if (codes[order] != codes).all()]
    sums = [similarity[rows, order].sum() for order in allowed]
    assert paired_tanimoto(bits, rows, assigned("near", bits, codes)).sum() == pytest.approx(max(sums))
    assert paired_tanimoto(bits, rows, assigned("diff", bits, codes)).sum() == pytest.approx(min(sums))


def test_blocks_are_as_large_as_said_and_nobody_is_alone(monkeypatch):
    sizes: list[int] = []
    solve = scipy.optimize.linear_sum_assignment
    monkeypatch.setattr(scipy.optimize, "linear_sum_assignment", lambda cost: (sizes.append(len(cost)), solve(cost))[1])
    for count, block, expected in ((10, 4, [4, 3, 3]), (5, 2, [3, 2]), (8, 8, [8]), (3, 2, [3]), (9, 8, [5, 4])):
        sizes.clear()
        near_assignment(alike(count), np.arange(count), block, 0)
        assert sizes == expected


@pytest.mark.parametrize("kind", KINDS)
def test_seed_decides(kind):
    bits, codes = alike(60), np.arange(60)
    first = assigned(kind, bits, codes, block=20, seed=1)
    np.testing.assert_array_equal(first, assigned(kind, bits, codes, block=20, seed=1))
    assert (first != assigned(kind, bits, codes, block=20, seed=2)).any()


def test_nearest_may_repeat_and_forbidden_ones_do_not_count():
    bits = packed(["CCCCO", "CCCCCO", "CCCCCCO", "c1ccccc1N"])
    np.testing.assert_array_equal(nearest(bits, np.arange(4))[:3], [1, 2, 1])
    np.testing.assert_array_equal(nearest(bits, np.array([0, 1, 1, 2]))[:3], [1, 0, 0])
    assert nearest(bits, np.zeros(4, np.int64)).tolist() == [-1] * 4


def test_nearest_is_the_same_in_many_blocks(monkeypatch):
    bits, codes = alike(70), np.arange(70) // 2
    similarity = tanimoto(bits, bits)
    similarity[codes[:, None] == codes] = -1
    monkeypatch.setattr("spectraflow.methods.matchnet.assignment._COMPARED_AT_ONCE", 9)
    np.testing.assert_array_equal(nearest(bits, codes), similarity.argmax(axis=1))


def test_nearest_isomer_has_the_same_formula():
    smiles = ["CCCO", "CC(C)O", "CCOC", "CCN", "CNC", "CCCCCC", "CC"]
    formulas = ["C3H8O", "C3H8O", "C3H8O", "C2H7N", "C2H7N", None, None]
    found = nearest_isomer(packed(smiles), formulas, np.arange(7))
    assert found.tolist()[3:] == [4, 3, -1, -1]
    similarity = tanimoto(packed(smiles), packed(smiles))[:3, :3] - 2 * np.eye(3)
    np.testing.assert_array_equal(found[:3], similarity.argmax(axis=1))
    assert nearest_isomer(packed(smiles), formulas, np.array([0, 1, 2, 3, 3, 4, 5])).tolist()[3:] == [-1] * 4
    assert nearest_isomer(packed(smiles), [None] * 7, np.arange(7)).tolist() == [-1] * 7


@pytest.mark.parametrize("kind", ["near", "uniform", "mixed"])
@pytest.mark.parametrize("count", [2, 3, 5, 8, 101])
def test_negatives_of_an_epoch_stay_among_its_rows_and_are_fresh(kind, count):
    bits, codes = alike(150), np.arange(150) // 2
    rows = np.random.default_rng(5).permutation(np.concatenate([np.arange(0, 150, 2), np.arange(1, 60, 2)])[:count])
    if count == 2:
        rows = np.array([0, 149])
    generator = np.random.default_rng(0)
    epochs = [epoch_negatives(kind, rows, bits, codes, generator, block=40) for _ in range(3)]
    for found in epochs:
        np.testing.assert_array_equal(np.sort(found), np.sort(rows))
        assert (codes[found] != codes[rows]).all()
    if count > 5:
        assert (epochs[0] != epochs[1]).any()
        assert (epochs[1] != epochs[2]).any()


def test_near_negatives_of_few_molecules_are_fresh_too():
    bits, rows = alike(30), np.arange(30)
    generator = np.random.default_rng(0)
    epochs = {epoch_negatives("near", rows, bits, rows, generator).tobytes() for _ in range(4)}
    assert len(epochs) == 4


def test_mixed_negatives_lie_between_near_and_uniform():
    bits, rows = alike(300), np.arange(300)
    generator = np.random.default_rng(0)
    near, mixed, uniform = (
        paired_tanimoto(bits, rows, epoch_negatives(kind, rows, bits, rows, generator)).mean()
        for kind in ("near", "mixed", "uniform")
    )
    assert near - uniform > 0.1
    assert uniform + 0.3 * (near - uniform) < mixed < uniform + 0.7 * (near - uniform)


@pytest.mark.real_data
@pytest.mark.skipif(not MIRROR.exists(), reason="no mirror of real data beside the project")
def test_similarities_of_measured_molecules():
    with gzip.open(MIRROR, "rt", encoding="utf-8") as file:
        records = [one for one in file.read().split("$$$$\n") if "Spectrum 1H " in one and "Spectrum 13C " in one]
    with rdBase.BlockLogs():
        mols = [Chem.MolFromMolBlock(one) for one in records[::10]]
    bits = packed(sorted({Chem.MolToSmiles(mol) for mol in mols if mol is not None}))
    codes = np.arange(len(bits))
    assert len(codes) > 600
    assert paired_tanimoto(bits, codes, assigned("near", bits, codes)).mean() == pytest.approx(0.37, abs=0.02)
    assert paired_tanimoto(bits, codes, assigned("diff", bits, codes)).mean() == pytest.approx(0.018, abs=0.01)
