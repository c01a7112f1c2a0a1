"""The demo's eleven MoleculeNet files: native headers and quirks, targets that depend on the structure."""

import csv
import io
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, rdMolDescriptors

from spectraflow.config import DemoSettings
from spectraflow.sources.demo.headers import HEADERS
from spectraflow.sources.demo.molecules import stream_molecules
from spectraflow.sources.demo.streams import gzip_text

_GROUPS = (
    "c1ccccc1", "[OX2H][CX4]", "[OX2H]c", "[NX3;H2,H1;!$(NC=O)]", "[NX3]C=O", "[CX3](=O)[OX2H]", "[CX3](=O)[OX2H0]",
    "[#6][F,Cl,Br,I]", "[N+](=O)[O-]", "[CX3](=O)[#6]", "n", "[#16]",
)  # fmt: skip
_CRLF = frozenset({"BBBP", "HIV", "Lipophilicity", "SAMPL", "bace"})
_POSITIVES = {"p_np": 0.76, "Class": 0.46, "HIV_active": 0.06, "FDA_APPROVED": 0.9, "CT_TOX": 0.1}
_MISSING = {"muv": 0.84, "tox21": 0.17, "toxcast_data": 0.71}
_UNPARSABLE = {
    "BBBP": "CN(=O)(=O)(C)c1ccccc1",
    "HIV": "[Al-](F)(F)(F)(F)(F)(F)C(F",
    "tox21": "C1CC",
    "toxcast_data": "FAIL",
}


class Sample(NamedTuple):
    """One molecule of a file: its SMILES and what its targets are made of."""

    smiles: str
    mol: Chem.Mol
    features: NDArray[np.float64]
    logp: float
    weight: float
    surface: float
    rotatable: int


@cache
def _patterns() -> tuple[Chem.Mol, ...]:
    return tuple(Chem.MolFromSmarts(smarts) for smarts in _GROUPS)


def _sample(smiles: str) -> Sample:
    mol = Chem.MolFromSmiles(smiles)
    groups = [float(mol.HasSubstructMatch(pattern)) for pattern in _patterns()]
    logp, weight = Crippen.MolLogP(mol), Descriptors.MolWt(mol)  # type: ignore[attr-defined]
    features = np.array([*groups, (logp - 2.2) / 1.6, (weight - 220.0) / 80.0])
    surface, rotatable = rdMolDescriptors.CalcTPSA(mol), rdMolDescriptors.CalcNumRotatableBonds(mol)
    return Sample(smiles, mol, features, logp, weight, surface, rotatable)


def _solubility(sample: Sample) -> float:
    """Return log S in mol/L after Delaney (2004), equation of the regression on four descriptors."""
    aromatic = sum(atom.GetIsAromatic() for atom in sample.mol.GetAtoms()) / sample.mol.GetNumHeavyAtoms()
    return 0.16 - 0.63 * sample.logp - 0.0062 * sample.weight + 0.066 * sample.rotatable - 0.74 * aromatic


def _hydration(sample: Sample) -> float:
    """Return a hydration free energy, kcal/mol: more polar surface, more negative."""
    return 1.5 - 0.11 * sample.surface - 0.4 * float(sample.features[0]) - 0.3 * max(0.0, 2.0 - sample.logp)


def _classes(name: str, samples: Sequence[Sample], rng: np.random.Generator) -> list[int]:
    """Return 0/1 of one task: a linear score of groups, logP and weight, its weights fixed by the task's name.

    The share of positives is near the real one where a file has one or two tasks (5 % or more, so that a small
    file has some), and differs from task to task elsewhere.
    """
    own = np.random.default_rng(zlib.crc32(name.encode()))
    weights = own.normal(size=len(_GROUPS) + 2) * (own.random(len(_GROUPS) + 2) < 0.5)
    share = _POSITIVES.get(name, float(own.uniform(0.08, 0.45)))
    scores = np.stack([sample.features for sample in samples]) @ weights
    scores = scores + rng.normal(0.0, 0.4, size=len(samples))
    return [int(value) for value in scores > np.quantile(scores, 1.0 - share)]


def _compound_name(sample: Sample, at: int) -> str:
    """Return a made-up name; every third has the commas of a systematic one, which the file must quote."""
    formula = rdMolDescriptors.CalcMolFormula(sample.mol)
    return f"1,{2 + at % 5}-derivative of {formula}" if at % 3 == 0 else f"compound {at} {formula}"


def _bace_values(sample: Sample, at: int) -> dict[str, str]:
    mol = sample.mol
    return {
        "CID": f"BACE_{at + 1}",
        "Model": ("Train", "Valid", "Test")[at % 3],
        "pIC50": f"{6.0 + float(sample.features[-2]):.6f}",
        "MW": f"{sample.weight:.5f}",
        "AlogP": f"{sample.logp:.4f}",
        "HBA": str(rdMolDescriptors.CalcNumHBA(mol)),
        "HBD": str(rdMolDescriptors.CalcNumHBD(mol)),
        "RB": str(sample.rotatable),
        "HeavyAtomCount": str(mol.GetNumHeavyAtoms()),
        "RingCount": str(rdMolDescriptors.CalcNumRings(mol)),
        "PSA": f"{sample.surface:.6f}",
        "canvasUID": str(at + 1),
    }


def _esol_values(sample: Sample, at: int) -> dict[str, str]:
    degrees = [atom.GetDegree() for atom in sample.mol.GetAtoms()]
    return {
        "Compound ID": _compound_name(sample, at),
        "ESOL predicted log solubility in mols per litre": repr(round(_solubility(sample), 3)),
        "Minimum Degree": str(min(degrees)),
        "Molecular Weight": repr(round(sample.weight, 3)),
        "Number of H-Bond Donors": str(rdMolDescriptors.CalcNumHBD(sample.mol)),
        "Number of Rings": str(rdMolDescriptors.CalcNumRings(sample.mol)),
        "Number of Rotatable Bonds": str(sample.rotatable),
        "Polar Surface Area": repr(round(sample.surface, 2)),
        "smiles": sample.smiles + " ",
    }


_FIXED: dict[str, Callable[[Sample, int], dict[str, str]]] = {
    "BBBP": lambda sample, at: {"num": str(at + 1), "name": _compound_name(sample, at)},
    "HIV": lambda sample, at: {},
    "Lipophilicity": lambda sample, at: {"CMPD_CHEMBLID": f"CHEMBL{500_000 + 7 * at}"},
    "SAMPL": lambda sample, at: {
        "iupac": _compound_name(sample, at),
        "calc": f"{_hydration(sample) + 0.3 * (at % 3 - 1):.3f}",
    },
    "bace": _bace_values,
    "delaney-processed": _esol_values,
    "muv": lambda sample, at: {"mol_id": f"CID{600_000 + 11 * at}"},
    "tox21": lambda sample, at: {"mol_id": f"TOX{at + 1}"},
}
_REGRESSIONS: dict[str, tuple[Callable[[Sample], float], float, int]] = {
    "measured log solubility in mols per litre": (_solubility, 0.5, 2),
    "exp": (lambda sample: min(4.5, max(-1.5, 0.3 + 0.75 * sample.logp)), 0.4, 2),
    "expt": (_hydration, 0.3, 2),
}
_TASKS = {"BBBP": ["p_np"], "HIV": ["HIV_active"], "bace": ["Class"], "clintox": ["FDA_APPROVED", "CT_TOX"]}


def _tasks(stem: str) -> list[str]:
    if stem in _TASKS:
        return _TASKS[stem]
    if stem in ("muv", "sider", "tox21", "toxcast_data"):
        return [name for name in HEADERS[stem] if name not in ("smiles", "mol_id")]
    return []


def _label_columns(stem: str, samples: Sequence[Sample], rng: np.random.Generator) -> dict[str, list[str]]:
    """Return the class labels of a file as text, empty where missing (never a whole row where there is a choice)."""
    tasks = _tasks(stem)
    columns = {}
    known = rng.random((len(samples), len(tasks))) >= _MISSING.get(stem, 0.0)
    if tasks:
        known[np.arange(len(samples)), rng.integers(len(tasks), size=len(samples))] = True
    form = "{}.0" if stem == "toxcast_data" else "{}"
    for at, name in enumerate(tasks):
        labels = _classes(name, samples, rng)
        columns[name] = [form.format(label) if seen else "" for label, seen in zip(labels, known[:, at], strict=True)]
    return columns


def _rows(stem: str, samples: Sequence[Sample], rng: np.random.Generator) -> list[list[str]]:
    header = HEADERS[stem]
    labels = _label_columns(stem, samples, rng)
    rows = []
    for at, sample in enumerate(samples):
        values = {"smiles": sample.smiles} | (_FIXED[stem](sample, at) if stem in _FIXED else {})
        values |= {name: column[at] for name, column in labels.items()}
        for name in set(header) & set(_REGRESSIONS):
            rule, noise, decimals = _REGRESSIONS[name]
            values[name] = repr(round(rule(sample) + float(rng.normal(0.0, noise)), decimals))
        if stem == "HIV":
            values["activity"] = "CA" if values["HIV_active"] == "1" else "CI"
        rows.append([values.get(name, "0") for name in header])
    if stem in _UNPARSABLE:
        rows[len(rows) // 2][header.index("smiles")] = _UNPARSABLE[stem]
    return rows


def write_moleculenet(settings: DemoSettings, out: Path) -> None:
    """Write the 11 ``moleculenet/<name>.csv.gz`` of `settings.moleculenet_rows` rows, comma-separated, one header line.

    One row of BBBP, HIV, Tox21 and ToxCast has an unparsable SMILES; ESOL's SMILES end in a blank; five files have
    CR LF line ends; missing labels are empty. All rows of a file are in memory at once.
    """
    molecules = stream_molecules(settings.seed + 1)
    samples = [_sample(smiles) for smiles in islice(molecules, settings.moleculenet_rows)]
    for stem, header in HEADERS.items():
        rng = np.random.default_rng([settings.seed, 2, zlib.crc32(stem.encode())])
        order = rng.permutation(len(samples))
        rows = _rows(stem, [samples[at] for at in order], rng)
        text = io.StringIO()
        csv.writer(text, lineterminator="\r\n" if stem in _CRLF else "\n").writerows([header, *rows])
        with gzip_text(out / "moleculenet" / f"{stem}.csv.gz") as handle:
            handle.write(text.getvalue().encode())
