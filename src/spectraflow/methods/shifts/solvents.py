"""Solvents of nmrshiftdb2's condition lines, as few classes as the data can tell apart."""

import re

SOLVENTS = ("unreported", "chloroform", "dmso", "methanol", "acetone", "water", "benzene", "pyridine", "other")

_PATTERNS = (
    ("chloroform", r"cdcl3|chloroform|chcl3"),
    ("dmso", r"dmso|dimethyl ?sul(?:ph|f)oxide|\(cd3\)2so"),
    ("methanol", r"methanol|c[dh]3o[dh]|meo[dh]"),
    ("acetone", r"acetone|\(cd3\)2co"),
    ("water", r"water|\bd2o\b|h2o"),
    ("benzene", r"\b(?:hexadeutero|perdeutero)?benzene|c6d6"),
    ("pyridine", r"pyridine|c5d5n"),
)


def solvent_code(text: str | None) -> int:
    """Return the index in SOLVENTS of a solvent as the source writes it; mixtures and rare ones are `other`."""
    if text is None or not text.strip() or text.strip().lower() in ("unreported", "unknown", "none"):
        return 0
    found = [name for name, pattern in _PATTERNS if re.search(pattern, text.lower())]
    return SOLVENTS.index(found[0] if len(found) == 1 else "other")
