"""Models of MoleculeNet tasks as the page shows them: by label, task, cleaning and split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spectraflow.methods.mmfrl.property_metrics import MAIN, TaskKind
from spectraflow.methods.mmfrl.settings import MODALITIES
from spectraflow.reporting.experiments import Experiment
from spectraflow.reporting.modality_averages import ModalityAverage, modality_averages
from spectraflow.reporting.property_labels import KINDS, task_place
from spectraflow.reporting.property_labels import MODALITIES as MODALITY_WORDS
from spectraflow.reporting.published_mmfrl import CLEANINGS, PROTOCOLS
from spectraflow.reporting.runs import Measured, Run

AVERAGE = "average over single modalities"
FINGERPRINT_KINDS = ("forest", "boosting")

Family = tuple[str, str]
"""Split protocol and cleaning: numbers of different families are never in one table."""


@dataclass(frozen=True)
class Entry:
    """One model on one task: all its seeds."""

    experiment: Experiment
    label: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """Shared settings, dotted."""
        return self.experiment.settings

    @property
    def runs(self) -> tuple[Run, ...]:
        """Its runs; of an average those of all modalities."""
        return self.experiment.runs

    @property
    def task(self) -> str:
        """Name of the task."""
        return str(self.settings.get("task"))

    @property
    def task_kind(self) -> TaskKind:
        """Whether the task has classes or numbers."""
        return "regression" if self.runs[0].info.get("kind") == "regression" else "classification"

    @property
    def family(self) -> Family:
        """Split protocol and cleaning."""
        return str(self.settings.get("protocol")), str(self.settings.get("cleaning"))

    @property
    def kind(self) -> str:
        """Kind of the model."""
        return str(self.settings.get("kind"))

    @property
    def modalities(self) -> list[str]:
        """What its encoders were pre-trained on; empty for an average and for models from scratch."""
        found = self.settings.get("modalities")
        return list(found) if isinstance(found, list) else []

    @property
    def is_average(self) -> bool:
        """Whether it is the average over the models of all single modalities."""
        return isinstance(self.experiment, ModalityAverage)

    @property
    def is_single(self) -> bool:
        """Whether it starts from one encoder of one modality."""
        return self.kind == "dmpnn" and len(self.modalities) == 1 and self.modalities[0] in MODALITIES

    @property
    def is_fusion(self) -> bool:
        """Whether it is early, intermediate or late fusion of pre-trained encoders."""
        return bool(self.modalities) and (self.kind in ("intermediate", "late") or self.modalities == ["early"])

    @property
    def is_floor(self) -> bool:
        """Whether it learns nothing from the molecules."""
        return self.kind == "mean"

    @property
    def words(self) -> str:
        """What it is, in words."""
        if self.is_average:
            return "recomputed, split by split"
        name = KINDS.get(self.kind, self.kind)
        if self.modalities:
            return f"{name}, pre-trained: {', '.join(MODALITY_WORDS.get(one, one) for one in self.modalities)}"
        scratch = self.kind in ("dmpnn", "intermediate", "late")
        encoders = self.settings.get("encoders")
        several = f" of {encoders} encoders" if scratch and isinstance(encoders, int) and encoders > 1 else ""
        return f"{name}{several}, from scratch" if scratch else name

    @property
    def main(self) -> str:
        """Name of the score that tables print."""
        return MAIN[self.task_kind]

    def measure(self, score: str | None = None) -> Measured | None:
        """Return a score (None: the main one) on test, averaged over its runs; None if it is undefined."""
        return self.experiment.measure(f"property/{score or self.main}")

    @property
    def repetitions(self) -> int:
        """Splits, or seeds of the one split, behind the main score."""
        measuring = self.experiment.measuring(f"property/{self.main}")
        return len({(run.settings.get("split_seed"), _seed(run)) for run in measuring})


def _seed(run: Run) -> Any:
    return (run.settings.get("training") or {}).get("seed")


def entries_of(experiments: Sequence[Experiment]) -> list[Entry]:
    """Return the experiments under their labels, the averages over single modalities behind all others.

    Of several experiments with one label on one task, later ones have the id of their first run behind the label.
    """
    found: list[Entry] = []
    taken: set[tuple[str, str, Family]] = set()
    for one in experiments:
        entry = Entry(one, one.runs[0].label)
        if (entry.label, entry.task, entry.family) in taken:
            entry = Entry(one, f"{entry.label} ({one.runs[0].run_id[:6]})")
        taken.add((entry.label, entry.task, entry.family))
        found.append(entry)
    averages = modality_averages(experiments)
    return found + [Entry(one, AVERAGE) for one in averages]


def labels_of(entries: Iterable[Entry]) -> list[str]:
    """Return the labels of models in their order, that of an average behind the last single modality."""
    every = list(entries)
    labels = list(dict.fromkeys(one.label for one in every if not one.is_average))
    averages = list(dict.fromkeys(one.label for one in every if one.is_average))
    singles = {one.label for one in every if one.is_single}
    place = max((number for number, label in enumerate(labels, start=1) if label in singles), default=len(labels))
    return labels[:place] + averages + labels[place:]


def tasks_of(entries: Iterable[Entry]) -> list[str]:
    """Return the tasks of entries in the order of tables."""
    return sorted({one.task for one in entries}, key=lambda task: (task_place(task), task))


def by_family(entries: Iterable[Entry]) -> dict[Family, list[Entry]]:
    """Return the entries of each split protocol and cleaning, in their order."""
    found: dict[Family, list[Entry]] = {}
    for one in entries:
        found.setdefault(one.family, []).append(one)
    return found


def family_words(family: Family) -> str:
    """Return split protocol and cleaning in words."""
    protocol, cleaning = family
    return f"{PROTOCOLS.get(protocol, protocol)}; {CLEANINGS.get(cleaning, cleaning)}"


def reference_label(entries: Sequence[Entry], wanted: str | None) -> str | None:
    """Return the label that others are compared with: `wanted` if a run has it, else the first D-MPNN from scratch."""
    if wanted is not None and any(one.label == wanted for one in entries):
        return wanted
    return next(
        (one.label for one in entries if one.kind == "dmpnn" and not one.modalities and not one.is_average), None
    )
