from pathlib import Path

import pytest
import yaml

from spectraflow.config import Config
from spectraflow.config_documents import LINE_LENGTH, render_config, render_settings_page, write_documents
from spectraflow.errors import InputError
from spectraflow.settings import check

ROOT = Path(__file__).parents[2]


def test_documents_are_current(capsys):
    current = write_documents(ROOT, check_only=True)
    assert current, f"run `make docs`:\n{capsys.readouterr().out}"


def test_default_configuration_is_valid_and_shows_every_key():
    values = yaml.safe_load((ROOT / "config.yaml").read_text())
    check(Config, values)
    assert set(values) == set(Config.model_fields)
    for name in ("demo", "sources", "tracking"):
        assert set(values[name]) == set(Config.model_fields[name].annotation.model_fields)


@pytest.mark.parametrize(
    "values",
    [
        {"name": "x", "splits": {"a": {"kind": "random"}, "b": {}}, "pathvars": {}},
        {"km3aid": {"runs": [{"label": "a: b # c", "model": {"dim": 64}}, {}]}},
        {"km3aid": {"retrieval": {"k": [1, 2]}}, "mirror": None},
        {"name": "123", "mirror": "yes", "tracking": {"uri": "null"}},
        {"km3aid": {"base": {"objective": {"tau1": 1e-5}}}},
    ],
)
def test_comments_do_not_change_values(values):
    text = render_config(yaml.safe_dump(values, sort_keys=False))
    assert yaml.safe_load(text) == values
    assert render_config(text) == text
    assert max(map(len, text.splitlines())) <= LINE_LENGTH


def test_settings_page_names_bounds_and_choices():
    page = render_settings_page()
    assert "| `alpha` | float | ≥ 0, ≤ 1 | `0.2` |" in page
    assert "`cress_fold` or `graph_fold`" in page
    assert "## `splits.<name>`" in page


def test_drift_is_shown_and_then_mended(tmp_path, capsys):
    (tmp_path / "config.yaml").write_text("name: mine\n")
    (tmp_path / "envs").mkdir()
    (tmp_path / "envs" / "constraints.txt").write_text("# Python 3.11\na==1\n")
    assert not write_documents(tmp_path, check_only=True)
    assert "+name: mine  # results/<name>/" in capsys.readouterr().out
    assert not (tmp_path / "docs").exists()
    assert write_documents(tmp_path)
    assert write_documents(tmp_path, check_only=True)


def test_folder_without_configuration_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"config\.yaml"):
        write_documents(tmp_path)
