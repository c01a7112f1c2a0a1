"""How published cells are answered: from the words of a paper to conditions on settings, and to metrics.

Each paper has a module of its own with a `PaperMapping`; `published_papers` lists them.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

Conditions = Mapping[str, Any]
"""Dotted key of a run's settings to what it must be: a value; a tuple of acceptable values; a frozenset, the members of
a list in any order; or `Near` and `Not`."""


@dataclass(frozen=True)
class Near:
    """What the paper prints, and what may stand in for it as a named deviation."""

    printed: Any
    others: tuple[Any, ...]


@dataclass(frozen=True)
class Not:
    """Anything but these values; what differs from the paper's default is a named deviation."""

    values: tuple[Any, ...]


def equal(found: Any, wanted: Any) -> bool:
    """Return whether a setting is what a condition wants; numbers are equal up to rounding."""
    match wanted:
        case tuple():
            return any(equal(found, one) for one in wanted)
        case frozenset():
            return isinstance(found, list) and len(found) == len(wanted) and set(found) == wanted
        case Near():
            return equal(found, wanted.printed) or equal(found, wanted.others)
        case Not():
            return not equal(found, wanted.values)
    numbers = all(isinstance(x, int | float) and not isinstance(x, bool) for x in (found, wanted))
    return math.isclose(found, wanted, rel_tol=1e-9) if numbers else bool(found == wanted)


def as_printed(found: Any, wanted: Any) -> bool:
    """Return whether a setting that meets a condition is the very value that the paper prints."""
    return not isinstance(wanted, Not) and equal(found, wanted.printed if isinstance(wanted, Near) else wanted)


@dataclass(frozen=True)
class Cells:
    """A family of published cells: those of `experiments` whose setting holds `having`, answered by `metrics`.

    metrics: names of measured numbers, with places for keys of the published setting, as ``retrieval/{library}/{k}``.
    metric: what the paper calls the number. methods: those whose cells belong to it, empty for all.
    assumed: conditions where the paper prints no value, by method, or for every other method under ``""``.
    prose: whether the cells stand in the text instead of a table or figure.
    against: method whose runs at `against_setting` the answering runs are tested against: p-values of Welch's test.
    """

    experiments: frozenset[str]
    metrics: tuple[str, ...]
    metric: str = "accuracy"
    having: Mapping[str, str] | None = None
    assumed: Mapping[str, Conditions] | None = None
    prose: bool = False
    methods: frozenset[str] = frozenset()
    against: str | None = None
    against_setting: Mapping[str, str] = field(default_factory=dict)

    def holds(self, cell: Mapping[str, str], setting: Mapping[str, str]) -> bool:
        """Return whether a row of published.csv with this setting belongs to the family."""
        return (
            cell["experiment"] in self.experiments
            and cell["metric"] == self.metric
            and cell["table"].startswith("text" if self.prose else ("Table", "Figure"))
            and (not self.methods or cell["method"] in self.methods)
            and all(setting.get(key) == value for key, value in (self.having or {}).items())
        )


def _nothing(_: Mapping[str, Any]) -> Conditions:
    return {}


def _as_they_are(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    return settings


Words = Callable[[str, Mapping[str, str]], Conditions]
"""A printed value and the whole printed setting to conditions."""


@dataclass(frozen=True)
class PaperMapping:
    """How one paper's cells read: its method, the models it names, its setting keys and its families of cells.

    keys: printed key of a number to its dotted setting; words: printed key of anything else to its conditions.
    defaults: what the paper used, which deviations are told from, for a run with these (dotted) settings.
    assumed: conditions of every cell of a model that neither its setting, its family nor the model itself touches.
    unused: the settings (dotted) of a run that decide nothing in it, and so are no deviations.
    variants: dotted settings that change the protocol or the data rather than the model; runs that differ in them
    stand side by side. identity: settings that only tell repetitions of one experiment apart.
    restated: settings of a run as all these read them, where they hold lists of settings. protocol: how runs with these
    (dotted) settings were split and chosen, in words; None: by the part that the epoch was chosen on.
    """

    method: str
    models: Mapping[str, Conditions]
    keys: Mapping[str, str]
    cells: tuple[Cells, ...]
    defaults: Callable[[Mapping[str, Any]], dict[str, Any]]
    variants: tuple[str, ...]
    identity: tuple[str, ...]
    words: Mapping[str, Words] = field(default_factory=dict)
    assumed: Callable[[Conditions], Conditions] = _nothing
    unused: Callable[[Mapping[str, Any]], Collection[str]] = _nothing
    restated: Callable[[Mapping[str, Any]], Mapping[str, Any]] = _as_they_are
    protocol: Callable[[Mapping[str, Any]], str] | None = None

    def conditions(self, method: str, setting: Mapping[str, str], family: Cells) -> dict[str, Any]:
        """Return what runs that answer a cell must be."""
        assumed = family.assumed or {}
        found = {**self.assumed(self.models[method]), **assumed.get(method, assumed.get("", {})), **self.models[method]}
        for key, value in setting.items():
            if key in self.keys:
                found[self.keys[key]] = float(value)
            elif key in self.words:
                found.update(self.words[key](value, setting))
        return found
