"""Builders of raw records shared by the tests of the sources."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def sd() -> ModuleType:
    """Return the builder of SD records beside this file (tests are imported by path, not as packages)."""
    spec = importlib.util.spec_from_file_location("sd_records", Path(__file__).with_name("sd_records.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
