"""Depictions of molecules as arrays of pixels."""

import io
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from spectraflow.errors import InputError
from spectraflow.parallel import chunked, ordered_map

BONDS_A_SIDE = 14
"""A side of the picture is as long as so many bonds; larger molecules are drawn smaller."""
CHUNK = 256

Pixels = NDArray[np.uint8]


def draw(smiles: str, size: int) -> Pixels:
    """Return the depiction of a molecule, (size, size) uint8, 255 where there is ink; black and white, no border.

    Raises InputError for a SMILES that cannot be read.
    """
    from PIL import Image

    mol = Chem.MolFromSmiles(smiles)
    if mol is None:
        raise InputError(f"no molecule can be drawn from {smiles!r}")
    rdDepictor.SetPreferCoordGen(False)
    rdDepictor.Compute2DCoords(mol, canonOrient=True)
    drawer = rdMolDraw2D.MolDraw2DCairo(size, size)
    options: Any = drawer.drawOptions()
    options.useBWAtomPalette()
    options.fixedBondLength = size / BONDS_A_SIDE
    options.padding = 0.0
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol)
    drawer.FinishDrawing()
    grey = np.asarray(Image.open(io.BytesIO(drawer.GetDrawingText())).convert("L"))
    return 255 - grey


def _draw_all(smiles: Sequence[str], size: int) -> Pixels:
    return np.stack([draw(text, size) for text in smiles])


def draw_molecules(smiles: Sequence[str], size: int, processes: int = 1) -> Pixels:
    """Return the depictions (N, size, size) uint8 of molecules, drawn by several processes."""
    drawn = ordered_map(partial(_draw_all, size=size), chunked(smiles, CHUNK), processes)
    return np.concatenate(list(drawn))
