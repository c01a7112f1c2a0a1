import gzip
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.massbank import Dirt, dirt_of, format_record, write_massbank
from spectraflow.sources.demo.nmr_library import write_spectra_and_library
from spectraflow.sources.massbank_records import parse_record, read_records
from spectraflow.sources.structures import UnusableRecord

SETTINGS = DemoSettings(molecules=120, library=60, seed=3)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    write_massbank(SETTINGS, out)
    return out / "massbank" / "massbank_EI_records.tar.gz"


def test_the_same_settings_give_the_same_bytes(archive, tmp_path):
    write_massbank(SETTINGS, tmp_path)
    assert (tmp_path / "massbank" / archive.name).read_bytes() == archive.read_bytes()
    with tarfile.open(archive) as members:
        assert {member.mtime for member in members} == {0}


def test_molecules_are_some_of_those_with_nmr_spectra(archive, tmp_path):
    write_spectra_and_library(SETTINGS, tmp_path)
    with gzip.open(tmp_path / "nmrshiftdb2" / "nmrshiftdb2withsignals.sd.gz") as handle:
        others = {Chem.MolToSmiles(mol) for mol in Chem.ForwardSDMolSupplier(handle)}
    texts = [record.text for record in read_records(archive)]
    stated = {text.split("CH$SMILES: ")[1].split("\n")[0] for text in texts} - {"N/A"}
    assert {Chem.CanonSmiles(smiles) for smiles in stated} <= others
    assert 0.3 * SETTINGS.molecules < len(texts) < 0.6 * SETTINGS.molecules


def test_most_records_are_whole_and_each_kind_of_dirt_is_found():
    expected = {
        Dirt.NO_INCHIKEY: None,
        Dirt.NO_STRUCTURE: None,
        Dirt.TWO_ION_MODES: "repeated_field",
        Dirt.EMPTY_PEAK_LIST: "empty_peak_list",
        Dirt.WRONG_PEAK_COUNT: "peak_count_mismatch",
        Dirt.SECOND_STAGE: "unsupported_spectrum",
        None: None,
    }
    found: Counter[Dirt | None] = Counter()
    for position in range(100):
        _, text = format_record("CCOC(C)=O", position, np.random.default_rng(position))
        dirt = dirt_of(position)
        found[dirt] += 1
        body = text.removesuffix("//\n")
        if expected[dirt]:
            with pytest.raises(UnusableRecord) as caught:
                parse_record(body)
            assert caught.value.reason == expected[dirt]
            continue
        record = parse_record(body)
        assert (record.smiles is None) == (dirt == Dirt.NO_STRUCTURE)
        assert (record.inchikey is None) == (dirt in (Dirt.NO_STRUCTURE, Dirt.NO_INCHIKEY))
        assert max(record.intensity) == 999
    assert found[None] > 90
    assert len(found) == len(expected)
