"""The data of MoleculeNet tasks as tables: accounting, errata, and what each part of the splits holds."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spectraflow.reporting.labels import percent, plain
from spectraflow.reporting.property_labels import task_name, task_place
from spectraflow.reporting.published_mmfrl import CLEANINGS, PROTOCOLS
from spectraflow.reporting.runs import read_object

PARTS = ("train", "val", "test")
NAMED_TARGETS = 4


def accounting_rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return a row for each task and cleaning: its records, rejects by reason and errata; InputError if unreadable."""
    found = [read_object(path) for path in map(Path, paths)]
    return [_accounting(one) for one in sorted(found, key=_place)]


def _place(found: Mapping[str, Any]) -> tuple[int, str, str]:
    task = str(found.get("task"))
    return task_place(task), task, str(found.get("cleaning"))


def _accounting(found: Mapping[str, Any]) -> dict[str, Any]:
    errata = found.get("errata") or {}
    cleaning = str(found.get("cleaning"))
    targets, share = found.get("targets") or [], found.get("missing_share")
    return {
        "name": task_name(str(found.get("task"))),
        "words": CLEANINGS.get(cleaning, cleaning),
        "counts": [plain(found.get(key)) for key in ("records", "molecules", "rejects", "merged", "dropped")],
        "reasons": _reasons(errata.get("rejects") or {}),
        "repeated": _repeats(errata.get("repeated_smiles") or {}),
        "blocks": _repeats(errata.get("repeated_first_blocks") or {}),
        "scaffolds": plain(errata.get("scaffolds")),
        "acyclic": plain(errata.get("acyclic")),
        "odd": f"{plain(errata.get('several_fragments'))} / {plain(errata.get('without_bond'))}",
        "targets": plain(len(targets)),
        "missing": "–" if share is None else percent(share),
        "labels": _labels(found),
        "one_class": _named(found.get("one_class") or []),
    }


def _reasons(rejects: Mapping[str, int]) -> str:
    return ", ".join(f"{_words(reason)}: {plain(count)}" for reason, count in rejects.items()) or "none"


def _words(reason: str) -> str:
    stage, _, name = reason.rpartition("/")
    return f"{name.replace('_', ' ')}{' (a label)' if stage == 'label' else ''}"


def _repeats(found: Mapping[str, Any]) -> str:
    return f"{plain(found.get('groups'))} ({plain(found.get('conflicting'))})" if found else "–"


def _labels(found: Mapping[str, Any]) -> str:
    """Return the share of positives, or mean and deviation of numbers."""
    if found.get("kind") == "regression":
        mean, sd = found.get("mean"), found.get("sd")
        return "–" if mean is None or sd is None else f"{mean:.2f} ± {sd:.2f}"
    labelled, positives = found.get("labelled") or {}, found.get("positives") or {}
    shares = [positives[name] / count for name, count in labelled.items() if count and name in positives]
    if not shares:
        return "–"
    low, high = percent(min(shares)), percent(max(shares))
    return f"{low} %" if len(shares) == 1 else f"{low} to {high} %"


def _named(names: Sequence[str]) -> str:
    """Return names, of many the first few and how many more there are."""
    more = len(names) - NAMED_TARGETS
    return ", ".join(names[:NAMED_TARGETS]) + (f" and {more} more" if more > 0 else "")


def split_rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """Return a row for each task, cleaning and protocol with ranges over seeds; InputError for an unreadable audit."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for path in map(Path, paths):
        protocol = re.sub(r"-\d+\.audit\.json$", "", path.name)
        groups.setdefault((path.parent.name, protocol), []).append(read_object(path))
    rows = [_split(folder, protocol, audits) for (folder, protocol), audits in groups.items()]
    return sorted(rows, key=lambda row: row["place"])


def _split(folder: str, protocol: str, audits: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    task, _, cleaning = folder.rpartition("-")
    sizes = [one.get("sizes") or {} for one in audits]
    whole = len((audits[0].get("data") or {}).get("targets") or audits[0].get("labels") or {})
    single = {part: [len((one.get(part) or {}).get("one_class_targets") or []) for one in sizes] for part in PARTS}
    named = dict.fromkeys(name for one in sizes for name in (one.get("test") or {}).get("one_class_targets") or [])
    return {
        "place": (task_place(task), task, cleaning, protocol),
        "name": task_name(task),
        "words": f"{PROTOCOLS.get(protocol, protocol)}; {CLEANINGS.get(cleaning, cleaning)}",
        "seeds": len(audits),
        "sizes": [_range((one.get(part) or {}).get("molecules") for one in sizes) for part in PARTS],
        "positives": [_positives(audits, part) for part in PARTS],
        "evaluable": _range((one.get("test") or {}).get("evaluable_targets") for one in sizes),
        "targets": whole,
        "one_class": " / ".join(_range(single[part]) for part in PARTS),
        "named": _named(list(named)),
        "shared": _range(_shared(one, "first_blocks") for one in audits),
        "scaffolds": _range(_shared(one, "scaffolds") for one in audits),
    }


def _positives(audits: Sequence[Mapping[str, Any]], part: str) -> str:
    """Return the least and the largest number of positives of a target over targets and seeds, empty for numbers."""
    of_part = [labels.get(part) or {} for one in audits for labels in (one.get("labels") or {}).values()]
    return _range(labels["positive"] for labels in of_part if "positive" in labels)


def _shared(audit: Mapping[str, Any], what: str) -> int:
    return sum(int(pair.get(what) or 0) for pair in (audit.get("overlap") or {}).values())


def _range(values: Iterable[Any]) -> str:
    known = [value for value in values if isinstance(value, int)]
    if not known:
        return "–"
    low, high = min(known), max(known)
    return plain(low) if low == high else f"{plain(low)} to {plain(high)}"
