import numpy as np
import pytest
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.drawn_molecules import draw, draw_molecules


def test_ink_on_nothing_without_a_border():
    pixels = draw("CCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", 64)
    assert pixels.shape == (64, 64)
    assert pixels.dtype == np.uint8
    assert 0 < (pixels > 127).mean() < 0.2
    columns = np.flatnonzero(pixels.max(0) > 60)
    assert columns[0] <= 2
    assert columns[-1] >= 61


def test_bonds_are_of_one_length_in_molecules_of_different_size():
    width = [np.ptp(np.flatnonzero(draw(text, 128).max(0))) for text in ("c1ccccc1", "C1CCCCC1")]
    assert width[0] == pytest.approx(width[1], abs=2)
    small, large = (np.ptp(np.flatnonzero(draw(text, 128).max(0))) for text in ("CC", "CCCCC"))
    assert large > 2.5 * small


def test_a_drawing_depends_on_the_molecule_alone():
    one, other = draw("OCC", 32), draw(Chem.CanonSmiles("OCC"), 32)
    assert np.array_equal(one, draw("OCC", 32))
    assert one.sum() == pytest.approx(other.sum(), rel=0.1)


def test_several_molecules_keep_their_order():
    pixels = draw_molecules(["CCO", "c1ccccc1", "CC"], 32)
    assert np.array_equal(pixels[1], draw("c1ccccc1", 32))


def test_a_bad_smiles_is_named():
    with pytest.raises(InputError, match="C1CC"):
        draw("C1CC", 32)
