"""MoleculeNet: from a task's file to molecules with targets, rejects, and what is wrong with the file."""

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from spectraflow.errors import AccountingError, InputError
from spectraflow.files import write_json
from spectraflow.molecules.identity import first_block
from spectraflow.molecules.scaffolds import murcko_scaffold
from spectraflow.molecules.standardise import UnusableMolecule, parse_smiles
from spectraflow.parallel import chunked, ordered_map
from spectraflow.provenance import file_sha256
from spectraflow.sources.accounting import count_rejects
from spectraflow.sources.moleculenet_files import (
    Columns,
    TaskFile,
    open_rows,
    read_cells,
    read_labels,
    row_number,
    task_file,
)
from spectraflow.sources.property_targets import FACTS, target_matrix
from spectraflow.sources.repeated_molecules import Merged, count_repeats, merge_repeated
from spectraflow.sources.smiles_list import Line
from spectraflow.tables import PROPERTIES, REJECTS, RejectReason, TableWriter

CHUNK_ROWS = 2_000


@dataclass(slots=True)
class Rows:
    """What a chunk of rows gives."""

    molecules: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def ingest(
    task: str,
    raw: Path,
    cleaning: Literal["paper", "strict"],
    molecules: Path,
    rejects: Path,
    counts: Path,
    *,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn the file of a task into the tables properties (`molecules`) and rejects; return and write the counts.

    Every row is a molecule or a reject of stage `record`; with `strict` cleaning rows of one InChIKey are merged, or
    dropped where their numbers differ, see `merge_repeated`. A cell that holds no label of its target is a reject of
    stage `label`, and its label is missing. All rows are in memory at once. Raises ConfigError for an unknown task,
    InputError if the file cannot be used as a whole and AccountingError if the counts do not add up; then no output
    appears.
    """
    file = task_file(task)
    columns, lines = open_rows(raw, file)
    read_chunk = partial(read_rows, task=task, columns=columns)
    parts = list(ordered_map(read_chunk, chunked(lines, CHUNK_ROWS), processes))
    found = sum((part[2] for part in parts), Counter[str]())
    if not any(part[0].num_rows for part in parts):
        raise InputError(f"{raw}: no row of it is a molecule ({found['records']} rows)")
    read, bad = (pa.concat_tables([part[place] for part in parts]) for place in (0, 1))
    targets = len(file.targets)
    cleaned = merge_repeated(read, targets, file.kind) if cleaning == "strict" else Merged(read, 0, 0, 0)
    facts = {"task": task, "cleaning": cleaning, "kind": file.kind, "targets": list(file.targets)}
    facts |= {"raw_sha256": file_sha256(raw), "rdkit": rdBase.rdkitVersion}
    errata = _errata(found, read, target_matrix(read, targets), bad) | {
        "conflicting_labels": cleaned.conflicting_labels
    }
    summary = facts | _accounting(found, bad, cleaned) | {"errata": errata}
    summary |= _label_counts(file, target_matrix(cleaned.table, targets))
    with (
        TableWriter(molecules, PROPERTIES, {FACTS: json.dumps(facts)}) as molecule_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        molecule_writer.write(cleaned.table)
        reject_writer.write(bad)
        write_json(counts, summary)
    return summary


def read_rows(lines: list[Line], task: str, columns: Columns) -> tuple[pa.Table, pa.Table, Counter[str]]:
    """Return the molecules, the rejects and the counts of a chunk; never raises for what a row holds."""
    file, rows = task_file(task), Rows()
    for line in lines:
        try:
            _read_row(line, task, file, columns, rows)
        except UnusableMolecule as error:
            rows.rejects.append(_reject(line, "record", error.reason, error.message))
        except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
            message = f"{type(error).__name__}: {error}"[:300]
            rows.rejects.append(_reject(line, "record", RejectReason.UNREADABLE_MOLECULE, message))
    rows.counts["records"] = len(lines)
    molecules = pa.Table.from_pylist(rows.molecules, schema=PROPERTIES)
    return molecules, pa.Table.from_pylist(rows.rejects, schema=REJECTS), rows.counts


def _read_row(line: Line, task: str, file: TaskFile, columns: Columns, rows: Rows) -> None:
    smiles, cells = read_cells(line, columns)
    mol = parse_smiles(smiles)
    targets, unusable = read_labels(cells, file)
    row = {
        "molecule_id": f"moleculenet_{task}:{row_number(line)}",
        "row": row_number(line),
        "smiles": Chem.MolToSmiles(mol),
        "inchikey": Chem.MolToInchiKey(mol) or None,
        "scaffold": murcko_scaffold(mol),
        "targets": targets,
    }
    rows.molecules.append(row)
    rows.rejects += [_reject(line, "label", cell.reason, cell.message) for cell in unusable]
    rows.counts["several fragments"] += "." in smiles
    rows.counts["without bond"] += mol.GetNumBonds() == 0


def _reject(line: Line, stage: str, reason: RejectReason, message: str) -> dict[str, str]:
    row = row_number(line)
    return {"native_id": str(row), "stage": stage, "reason": reason, "message": f"row {row}: {message}"}


def _accounting(found: Counter[str], rejects: pa.Table, cleaned: Merged) -> dict[str, int]:
    """Return what became of the records; raises AccountingError if one of them is nowhere."""
    rejected: Counter[str] = Counter()
    for (stage, _), count in count_rejects(rejects).items():
        rejected[stage] += count
    kept = {
        "molecules": cleaned.table.num_rows,
        "rejects": rejected["record"],
        "merged": cleaned.merged,
        "dropped": cleaned.dropped,
    }
    if found["records"] != sum(kept.values()):
        raise AccountingError(f"moleculenet: {found['records']} records were read, but there are {kept}")
    return {"records": found["records"], **kept, "label_rejects": rejected["label"]}


def _errata(found: Counter[str], read: pa.Table, values: NDArray[np.float64], rejects: pa.Table) -> dict[str, Any]:
    """Return what is wrong with or special about the rows as they were read, before equal molecules were merged."""
    smiles, scaffolds = read["smiles"].to_pylist(), read["scaffold"].to_pylist()
    keys = zip(read["inchikey"].to_pylist(), read["molecule_id"].to_pylist(), strict=True)
    blocks = [first_block(key, name) for key, name in keys]
    return {
        "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(count_rejects(rejects).items())},
        "unique_smiles": len(set(smiles)),
        "first_blocks": len(set(blocks)) - read["inchikey"].null_count,
        "without_inchikey": read["inchikey"].null_count,
        "scaffolds": len(set(scaffolds)),
        "acyclic": scaffolds.count(""),
        "repeated_smiles": count_repeats(smiles, values),
        "repeated_first_blocks": count_repeats(blocks, values),
        "several_fragments": found["several fragments"],
        "without_bond": found["without bond"],
    }


def _label_counts(file: TaskFile, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return labels and positives of each target of the table that is written, and the targets with one class."""
    labelled = np.isfinite(values).sum(axis=0)
    result: dict[str, Any] = {
        "labelled": dict(zip(file.targets, labelled.tolist(), strict=True)),
        "positives": {},
        "unlabelled": int(np.isnan(values).all(axis=1).sum()),
        "missing_share": float(np.isnan(values).mean()) if values.size else 0.0,
    }
    if file.kind == "classification":
        positives = (values == 1).sum(axis=0)
        single = (positives == 0) | (positives == labelled)
        result["positives"] = dict(zip(file.targets, positives.tolist(), strict=True))
        result["one_class"] = [name for name, alone in zip(file.targets, single.tolist(), strict=True) if alone]
    else:
        known = values[np.isfinite(values)]
        result |= {"mean": float(known.mean()), "sd": float(known.std(ddof=1))} if known.size > 1 else {}
    return result
