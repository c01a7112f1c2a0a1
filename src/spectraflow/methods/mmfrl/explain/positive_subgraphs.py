"""The smallest part of a molecule that a classifier still calls positive, by beam search (paper, Fig. 5)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from spectraflow.errors import InputError
from spectraflow.methods.mmfrl.explain.dissection import Atoms, Dissection, random_part
from spectraflow.methods.mmfrl.settings import SubgraphSettings

Scorer = Callable[[list[str]], NDArray[np.floating]]
"""Returns the probability of the positive class of each SMILES, (n,)."""


@dataclass(frozen=True)
class Subgraph:
    """A part of a molecule: its atoms in the molecule's order, its SMILES and its probability of being positive."""

    atoms: Atoms
    smiles: str
    probability: float


class _Parts:
    """Parts of one molecule with their probabilities; every SMILES is scored once."""

    def __init__(self, dissection: Dissection, scorer: Scorer) -> None:
        self._dissection = dissection
        self._scorer = scorer
        self._smiles: dict[Atoms, str | None] = {}
        self._scores: dict[str, float] = {}

    def scored(self, parts: Sequence[Atoms]) -> dict[Atoms, Subgraph]:
        """Return those of `parts` that are sound molecules, scoring all that are new in one call."""
        for atoms in parts:
            if atoms not in self._smiles:
                self._smiles[atoms] = self._dissection.smiles(atoms)
        smiles = {atoms: text for atoms in parts if (text := self._smiles[atoms])}
        if new := sorted(set(smiles.values()) - self._scores.keys()):
            self._scores.update(zip(new, np.asarray(self._scorer(new)).tolist(), strict=True))
        return {atoms: Subgraph(atoms, text, self._scores[text]) for atoms, text in smiles.items()}


@dataclass(frozen=True)
class Search:
    """A molecule predicted positive, the smallest part that still is, and how often random parts of its size are.

    `atoms` counts those of the molecule. `found` is None if no connected part of a molecule of several fragments is
    positive; `random_positive` is None if there is no part to compare, or nothing could be cut off.
    """

    atoms: int
    probability: float
    found: Subgraph | None
    random_positive: float | None


def search(smiles: str, scorer: Scorer, settings: SubgraphSettings, seed: int = 0) -> Search | None:
    """Return the smallest positive part of a molecule, of equals the most probable, or None if it is not positive.

    From the whole molecule, or each of its fragments, cuts (see `Dissection`) lead to smaller parts; those that stay
    positive are followed, the `beam` most probable at a time. A part of which no cut leaves a positive one is minimal.
    Raises InputError for a SMILES that cannot be read.
    """
    mol = Chem.MolFromSmiles(smiles)
    if mol is None or not mol.GetNumAtoms():
        raise InputError(f"'{smiles}' cannot be read as a SMILES")
    probability = float(np.asarray(scorer([smiles]))[0])
    if not probability >= settings.threshold:
        return None
    dissection = Dissection(mol)
    parts = _Parts(dissection, scorer)
    starts = parts.scored(dissection.fragments())
    minimal = _descend(dissection, parts, _surviving(starts, probability, settings), settings)
    if not minimal:
        return Search(mol.GetNumAtoms(), probability, None, None)
    found = min(minimal, key=lambda part: (len(part.atoms), -part.probability, sorted(part.atoms)))
    control = _control(dissection, parts, found, settings, seed)
    return Search(mol.GetNumAtoms(), probability, found, control)


def _descend(dissection: Dissection, parts: _Parts, beam: list[Subgraph], settings: SubgraphSettings) -> list[Subgraph]:
    """Return the minimal parts that lie below those of the beam."""
    minimal = []
    while beam:
        cuts = {part: [c for c in dissection.cuts(part.atoms) if len(c) >= settings.smallest] for part in beam}
        scored = parts.scored(list(dict.fromkeys(cut for several in cuts.values() for cut in several)))
        below: dict[Atoms, Subgraph] = {}
        for part, several in cuts.items():
            left = {atoms: scored[atoms] for atoms in several if atoms in scored}
            surviving = _surviving(left, part.probability, settings)
            below |= {one.atoms: one for one in surviving}
            if not surviving:
                minimal.append(part)
        beam = sorted(below.values(), key=lambda part: (-part.probability, len(part.atoms), sorted(part.atoms)))
        beam = beam[: settings.beam]
    return minimal


def _surviving(parts: Mapping[Atoms, Subgraph], parent: float, settings: SubgraphSettings) -> list[Subgraph]:
    least = settings.threshold if settings.kept is None else settings.kept * parent
    return [part for part in parts.values() if part.probability >= least]


def _control(
    dissection: Dissection, parts: _Parts, found: Subgraph, settings: SubgraphSettings, seed: int
) -> float | None:
    """Return the share of random parts, of the found one's size or the next possible, that are positive."""
    start = next(atoms for atoms in dissection.fragments() if found.atoms <= atoms)
    if start == found.atoms:
        return None
    generator = np.random.default_rng(seed)
    drawn = [random_part(dissection, start, len(found.atoms), generator) for _ in range(settings.random)]
    scored = parts.scored(drawn)
    positive = [scored[atoms].probability >= settings.threshold for atoms in drawn if atoms in scored]
    return float(np.mean(positive)) if positive else None
