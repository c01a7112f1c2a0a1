import json

import pytest

from spectraflow.errors import InputError
from spectraflow.reporting.split_kinds import read_split_kinds


def test_kinds_go_by_data_set_and_split(tmp_path):
    folder = tmp_path / "sdbs"
    folder.mkdir()
    paths = [folder / f"{name}.audit.json" for name in ("far-away-fold3", "tenths-fold12", "old-fold0")]
    for path, content in zip(paths, ({"kind": "scaffold_clusters"}, {"kind": "random"}, {}), strict=True):
        path.write_text(json.dumps({"settings": content}))
    assert read_split_kinds(paths) == {("sdbs", "far-away"): "scaffold_clusters", ("sdbs", "tenths"): "random"}


def test_what_is_no_audit_is_named(tmp_path):
    path = tmp_path / "x-fold0.audit.json"
    for text in ("{", "[1]"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"x-fold0\.audit\.json"):
            read_split_kinds([path])
