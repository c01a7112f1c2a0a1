import hashlib

import pytest

from spectraflow import provenance
from spectraflow.provenance import code_hash, code_of, file_sha256, git_commit, settings_hash, source_files


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("1")
    (tmp_path / "sub" / "data.csv").write_text("1")
    (tmp_path / "other.py").write_text("1")
    monkeypatch.setattr(provenance, "PACKAGE_ROOT", tmp_path)
    code_hash.cache_clear()
    yield tmp_path
    code_hash.cache_clear()


def test_code_hash_sees_its_parts_only(package):
    def now() -> str:
        code_hash.cache_clear()
        return code_hash("sub")

    before = now()
    (package / "other.py").write_text("2")
    (package / "sub" / "data.csv").write_text("2")
    assert now() == before
    (package / "sub" / "a.py").write_text("2")
    assert now() != before


def test_code_hash_sees_a_renamed_module(package):
    before = code_hash("sub")
    (package / "sub" / "a.py").rename(package / "sub" / "b.py")
    code_hash.cache_clear()
    assert code_hash("sub") != before


def test_order_of_parts_and_keys_is_irrelevant(package):
    assert code_hash("sub", "other.py") == code_hash("other.py", "sub")
    assert settings_hash({"a": 1, "b": 2}) == settings_hash({"b": 2, "a": 1})
    assert settings_hash({"a": 1}) != settings_hash({"a": 2})
    assert len(settings_hash({})) == 12


def test_file_hash_is_sha256(tmp_path):
    (tmp_path / "f").write_bytes(b"abc" * 100_000)
    assert file_sha256(tmp_path / "f") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_commit_without_a_repository_is_unknown(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGE_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    git_commit.cache_clear()
    assert git_commit() == "unknown"
    git_commit.cache_clear()


@pytest.fixture
def steps(tmp_path, monkeypatch):
    """A package with one step that imports one module, inside a function, and a bystander."""
    for path, text in {
        "steps/step.py": "def f():\n    from spectraflow.deep.block import x\nfrom spectraflow.config import y\n",
        "steps/__init__.py": "",
        "steps/page.j2": "template",
        "deep/block.py": "x = 1\n",
        "deep/__init__.py": "",
        "bystander.py": "",
        "config.py": "y = 1\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.setattr(provenance, "PACKAGE_ROOT", tmp_path)
    source_files.cache_clear()
    yield tmp_path
    source_files.cache_clear()


def test_code_of_a_step_follows_its_imports_and_stops_at_the_contract(steps):
    found = source_files("steps.step")
    assert {"steps/step.py", "steps/page.j2", "deep/block.py"} <= set(found)
    assert not {"bystander.py", "config.py"} & set(found)


STEPS = [
    "sources.demo.generate",
    "sources.nmrshiftdb2",
    "sources.smiles_list",
    "molecules.graphs",
    "molecules.functional_groups",
    "splits.assign",
    "methods.km3aid.select",
    "methods.km3aid.spectrum_pretraining",
    "methods.km3aid.train",
    "methods.km3aid.retrieve",
    "reporting.comparison",
    "reporting.page",
]


@pytest.mark.parametrize("step", STEPS)
def test_every_step_has_code(step):
    assert any(name.endswith(step.replace(".", "/") + ".py") for name in source_files(step))
    assert len(code_of(step)) == 12


def test_training_does_not_depend_on_reports_or_readers():
    files = source_files("methods.km3aid.train")
    assert not [name for name in files if name.startswith(("reporting/", "sources/"))]
