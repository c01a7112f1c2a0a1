from pathlib import Path

import pytest

from spectraflow.errors import ConfigError, MissingSourceError
from spectraflow.provenance import file_sha256
from spectraflow.sources.registry import load_registry

ROOT = Path(__file__).parents[3]
REGISTRY = ROOT / "resources" / "sources.yaml"
MIRROR = ROOT.parent / "shared" / "data"


def test_shipped_registry_lists_every_source():
    registry = load_registry(REGISTRY)
    expected = {"nmrshiftdb2", "km3aid_ids", "pubchem", "alberts", "massbank", "moleculenet", "matcs", "sdbs"}
    assert set(registry.sources) == expected
    assert len(registry.sources["moleculenet"].files) == 11
    assert registry.file("nmrshiftdb2")[1] == "nmrshiftdb2withsignals.sd.gz"
    assert registry.file("km3aid_ids")[0].folder == "nmrshiftdb2"
    assert registry.file("sdbs")[2].url is None


def test_unknown_names_are_answered_with_the_known_ones():
    registry = load_registry(REGISTRY)
    with pytest.raises(MissingSourceError, match=r"no source 'nist'.*massbank"):
        registry.file("nist")
    with pytest.raises(MissingSourceError, match=r"no file 'x'.*library\.smi\.gz"):
        registry.file("pubchem", "x")


def test_faults_are_listed_with_their_keys(tmp_path):
    path = tmp_path / "sources.yaml"
    path.write_text("sources:\n  a:\n    title: x\n    files:\n      f: {sha256: abc, ur1: x}\n")
    with pytest.raises(ConfigError) as caught:
        load_registry(path)
    for key in ("sources.a.licence", "sources.a.files.f.sha256", "sources.a.files.f.ur1"):
        assert key in str(caught.value)


@pytest.mark.parametrize("text", ["a: [", "- 1", ""])
def test_not_a_registry(tmp_path, text):
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"sources\.yaml"):
        load_registry(path)


@pytest.mark.real_data
@pytest.mark.skipif(not MIRROR.exists(), reason="no mirror of real data beside the project")
def test_known_versions_are_those_of_the_mirror():
    for source in load_registry(REGISTRY).sources.values():
        for name, file in source.files.items():
            path = MIRROR / source.folder / name
            assert not path.exists() or file_sha256(path) in {v.sha256 for v in file.versions}
