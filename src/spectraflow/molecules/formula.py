"""Molecular formulas as users write them."""

import re
from collections import Counter

from rdkit.Chem import GetPeriodicTable

ELEMENT_COUNT = re.compile(r"([A-Z][a-z]?)(\d*)")


class UnreadableFormula(ValueError):
    """A text that is no molecular formula."""


def parse_formula(text: str) -> tuple[str, float]:
    """Return a formula in Hill order, as molecules tables have it, and its average molecular weight in g/mol.

    Plain formulas of uncharged molecules are read, such as `C8H10N4O2`; brackets, charges and isotopes are not.
    Raises UnreadableFormula.
    """
    compact = text.replace(" ", "")
    found = ELEMENT_COUNT.findall(compact)
    if not compact or "".join(symbol + number for symbol, number in found) != compact:
        raise UnreadableFormula(f"'{text}' is no molecular formula")
    counts: Counter[str] = Counter()
    for symbol, number in found:
        counts[symbol] += int(number or 1)
    table = GetPeriodicTable()
    try:
        weight = sum(table.GetAtomicWeight(symbol) * count for symbol, count in counts.items())
    except RuntimeError:
        raise UnreadableFormula(f"'{text}' names an element that does not exist") from None
    if weight <= 0:
        raise UnreadableFormula(f"'{text}' holds no atom")
    return "".join(f"{s}{counts[s] if counts[s] > 1 else ''}" for s in _hill_order(counts) if counts[s]), weight


def _hill_order(counts: Counter[str]) -> list[str]:
    """Return the elements: carbon, hydrogen, then by alphabet; without carbon all by alphabet."""
    first = [symbol for symbol in ("C", "H") if symbol in counts] if "C" in counts else []
    return first + sorted(set(counts) - set(first))
