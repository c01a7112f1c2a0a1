"""Molecules drawn as SVG, with a note and a colour on every atom that has one."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from rdkit import Chem
from rdkit.Chem import rdDepictor
from rdkit.Chem.Draw import rdMolDraw2D

from spectraflow.errors import InputError

RIGHT_COLOUR = "#0072b2"
WRONG_COLOUR = "#d55e00"
INK = "#1b1d21"


def _rgb(colour: str, opacity: float = 1.0) -> tuple[float, ...]:
    return (*(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)), opacity)


def _configure(drawer: rdMolDraw2D.MolDraw2DSVG) -> None:
    options: Any = drawer.drawOptions()
    options.clearBackground = False
    options.setAtomPalette({-1: _rgb(INK)})
    options.setSymbolColour(_rgb(INK))
    options.setAnnotationColour(_rgb(INK))
    options.setAtomNoteColour(_rgb(INK))
    options.annotationFontScale = 0.5
    options.highlightRadius = 0.18
    options.bondLineWidth = 1.6
    options.padding = 0.06


def draw_molecule(
    molecule: Chem.Mol | str,
    notes: Mapping[int, str] | None = None,
    right: Mapping[int, bool] | None = None,
    size: tuple[int, int] = (460, 300),
) -> str:
    """Return an SVG element of a molecule (RDKit molecule, or SMILES) on a transparent background.

    notes: text beside atoms by index, such as a shift in ppm; right: a disc behind atoms, blue if true and vermilion if
    false (colour-blind safe); size: width and height in px. Raises InputError for unreadable SMILES and for
    atom indices outside the molecule. Lines and letters are drawn in `INK`, so that a page can recolour them.
    """
    notes, right = notes or {}, right or {}
    mol = _checked(molecule, {*notes, *right})
    for atom, note in notes.items():
        mol.GetAtomWithIdx(atom).SetProp("atomNote", note)
    colours = {atom: _rgb(RIGHT_COLOUR if good else WRONG_COLOUR, 0.45) for atom, good in right.items()}
    return _drawn(mol, size, highlightAtoms=list(right), highlightAtomColors=colours, highlightBonds=[])


def draw_subgraph(molecule: Chem.Mol | str, atoms: Collection[int], size: tuple[int, int] = (460, 300)) -> str:
    """Return an SVG element of a molecule with some atoms and the bonds between them behind a blue band.

    Background, ink, size and errors are those of `draw_molecule`.
    """
    mol, marked = _checked(molecule, atoms), set(atoms)
    bonds = [b.GetIdx() for b in mol.GetBonds() if {b.GetBeginAtomIdx(), b.GetEndAtomIdx()} <= marked]
    colour = _rgb(RIGHT_COLOUR, 0.45)
    return _drawn(
        mol,
        size,
        highlightAtoms=sorted(marked),
        highlightAtomColors=dict.fromkeys(marked, colour),
        highlightBonds=bonds,
        highlightBondColors=dict.fromkeys(bonds, colour),
    )


def _checked(molecule: Chem.Mol | str, atoms: Collection[int]) -> Chem.Mol:
    mol = Chem.MolFromSmiles(molecule) if isinstance(molecule, str) else Chem.Mol(molecule)
    if mol is None or not mol.GetNumAtoms():
        raise InputError(f"no molecule can be drawn from {molecule!r}")
    if outside := [atom for atom in atoms if not 0 <= atom < mol.GetNumAtoms()]:
        raise InputError(f"atom(s) {sorted(outside)} are not in a molecule of {mol.GetNumAtoms()} atoms")
    return mol


def _drawn(mol: Chem.Mol, size: tuple[int, int], **highlights: Any) -> str:
    rdDepictor.SetPreferCoordGen(True)
    rdDepictor.Compute2DCoords(mol)
    drawer = rdMolDraw2D.MolDraw2DSVG(*size)
    _configure(drawer)
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol, **highlights)
    drawer.FinishDrawing()
    return _element(drawer.GetDrawingText())


def _element(text: str) -> str:
    # Colours of eight digits are CSS, not SVG 1.1: drawing programs show them black.
    svg = re.sub(r"fill:(#\w{6})(\w{2});", lambda m: f"fill:{m[1]};fill-opacity:{int(m[2], 16) / 255:.2f};", text)
    svg = re.sub(r"stroke:#\w{8};", "stroke:none;", svg)
    return re.sub(r"#\w{6}\b", lambda m: m[0].lower(), svg[svg.index("<svg") :]).strip()
