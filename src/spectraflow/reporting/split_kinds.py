"""What kind of split a name stands for, as the audits of splits say."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from spectraflow.errors import InputError
from spectraflow.files import read_json

SplitKinds = Mapping[tuple[str, str], str]
"""By data set (or selection) and name of the split."""


def read_split_kinds(audits: Sequence[Path]) -> dict[tuple[str, str], str]:
    """Return the kinds of splits from files `<data set>/<split>-fold<n>.audit.json`.

    Raises InputError if a file cannot be read; audits that name no kind are left out.
    """
    kinds = {}
    for path in map(Path, audits):
        name = re.sub(r"-fold\d+\.audit\.json$", "", path.name)
        try:
            settings = read_json(path).get("settings") or {}
        except (OSError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: not the audit of a split ({error})") from error
        if "kind" in settings:
            kinds[path.parent.name, name] = str(settings["kind"])
    return kinds
