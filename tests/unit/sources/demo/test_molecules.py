from itertools import islice

import pytest
from rdkit import Chem

from spectraflow.errors import MissingSourceError
from spectraflow.sources.demo import molecules as demo_molecules
from spectraflow.sources.demo.molecules import derivative, is_usable, shipped_smiles, stream_molecules


def test_shipped_molecules_are_distinct_and_usable() -> None:
    shipped = shipped_smiles()
    assert len(shipped) > 4_000
    assert len(set(shipped)) == len(shipped)
    assert all("." not in smiles for smiles in shipped)


@pytest.mark.parametrize("smiles", ["CCC", "CC.CCCC", "O=S(O)OO", "C[Pt]CC", "CC[CH]CC", "[13CH3]CCC", "C" * 41])
def test_unusable_molecules(smiles: str) -> None:
    assert not is_usable(Chem.MolFromSmiles(smiles))


def test_unparsable_molecules_are_unusable() -> None:
    assert not is_usable(None)


def test_a_derivative_replaces_hydrogens_of_distinct_sites() -> None:
    found = [derivative("CCO", rank) for rank in range(60)]
    kept = [smiles for smiles in found if smiles]
    assert len(kept) == len(set(kept))
    assert all(Chem.MolFromSmiles(smiles).GetNumHeavyAtoms() >= 4 for smiles in kept)
    assert derivative("CCO", 10_000) is None


def test_benzene_has_one_site() -> None:
    assert derivative("c1ccccc1", 30) is None


def test_the_stream_goes_on_past_the_shipped_molecules_without_many_repeats() -> None:
    shipped = len(shipped_smiles())
    stream = list(islice(stream_molecules(1), shipped + 600))
    assert set(stream[:shipped]) == set(shipped_smiles())
    assert len(set(stream)) > 0.995 * len(stream)
    assert all(is_usable(Chem.MolFromSmiles(smiles)) for smiles in stream[shipped:])
    assert stream[shipped:] == list(islice(stream_molecules(1), shipped, shipped + 600))
    assert stream[:50] != list(islice(stream_molecules(2), 50))


def test_an_installation_without_the_molecules_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_molecules.RDConfig, "RDDataDir", "/nowhere")
    shipped_smiles.cache_clear()
    with pytest.raises(MissingSourceError, match="/nowhere"):
        shipped_smiles()
    monkeypatch.undo()
    shipped_smiles.cache_clear()
