"""The pair lists of MatCS as tables: molecules, the parts they are listed in, and the test pairs.

The spectra behind the lists are not published; their molecules serve with spectra that are simulated. A molecule is
a constitution, the first block of an InChIKey, which stereoisomers and some tautomers share.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from spectraflow.files import write_json
from spectraflow.molecules.standardise import UnusableMolecule, molecule_row, parse_smiles
from spectraflow.parallel import chunked, ordered_map
from spectraflow.sources.accounting import require_equal
from spectraflow.sources.matcs_lists import LISTS, ORDERED, Misfit, PairList, Row, read_lists, recover_owners
from spectraflow.sources.matcs_pairs import SOURCE, Molecules, Pairs, mean_tanimoto
from spectraflow.sources.structures import UnusableRecord
from spectraflow.tables import LISTED_PAIRS, MOLECULES, REJECTS, SPLITS, RejectReason, TableWriter

TEST_SETS = {"test_rand": "listed_rand", "test_diff": "listed_diff", "test_sim": "listed_sim"}
PARTS = {"train": "train", "validation": "val", **dict.fromkeys(TEST_SETS, "test")}
CHUNK_SMILES = 1_000


@dataclass
class Sorted:
    """What the rows of the lists came to: molecules of each part's positives, pairs, rows used, and rejects."""

    holding: dict[str, dict[str, None]]
    pairs: list[dict[str, Any]]
    used: Counter[str]
    rejects: list[dict[str, str]]

    @property
    def parts(self) -> dict[str, str]:
        """The part of every molecule that is a positive of some list: the last list that holds it decides."""
        return {molecule_id: part for part, held in self.holding.items() for molecule_id in held}


def ingest(
    folder: Path,
    molecules: Path,
    listed: Path,
    split: Path,
    rejects: Path,
    counts: Path,
    *,
    limit: int | None = None,
    processes: int = 1,
) -> dict[str, Any]:
    """Turn the lists in `folder` into molecules, listed pairs, a split and rejects; return and write the accounting.

    Read are ``train``, ``validation``, ``test_rand``, ``test_diff`` and ``test_sim`` (``.csv.gz``). A molecule's part
    is the list whose positives hold it; of several, the test lists count before validation, and validation before
    training. Molecules of negatives alone have no part. Owners of negatives are recovered in the test lists only
    (see `recover_owners`); of the other two nothing but their molecules is kept. `limit` keeps so many positives
    of a list, and the negatives of these where owners are known.

    Raises MissingSourceError or InputError for files that cannot be used and AccountingError if the counts do not add
    up; then no output appears.
    """
    lists = read_lists(folder)
    owners = recover_owners(lists[ORDERED])
    chosen = {name: _within(name, lists, owners, limit) for name in LISTS}
    known = _read_molecules(chosen, processes)
    done = _sort_rows(lists, chosen, owners, known)
    parts = done.parts
    placed = [row["molecule_id"] for row in known.rows if row["molecule_id"] in parts]
    with (
        TableWriter(molecules, MOLECULES) as molecule_writer,
        TableWriter(listed, LISTED_PAIRS) as pair_writer,
        TableWriter(split, SPLITS) as split_writer,
        TableWriter(rejects, REJECTS) as reject_writer,
    ):
        molecule_writer.write_rows(known.rows)
        pair_writer.write_rows(done.pairs)
        split_writer.write({"molecule_id": placed, "part": [parts[molecule_id] for molecule_id in placed]})
        reject_writer.write_rows(done.rejects)
        require_equal(SOURCE, "pairs", sum(done.used[name] for name in TEST_SETS), pair_writer.rows, 0)
        require_equal(SOURCE, "molecules with a part", len(parts), split_writer.rows, 0)
        summary = _account(lists, chosen, done, reject_writer.rows) | _describe(lists, chosen, known, done)
        write_json(counts, summary)
    return summary


def _within(name: str, lists: Mapping[str, PairList], owners: Mapping[str, Row], limit: int | None) -> list[Row]:
    """Return the rows of a list that `limit` leaves."""
    if limit is None:
        return lists[name].rows
    if name not in TEST_SETS:
        return lists[name].labelled(True)[:limit]
    kept = {row.image for row in lists[ORDERED].labelled(True)[:limit]}
    kept |= {image for image, owner in owners.items() if owner.image in kept}
    return [row for row in lists[name].rows if row.image in kept]


def _read_molecules(chosen: Mapping[str, list[Row]], processes: int) -> Molecules:
    known = Molecules()
    distinct = dict.fromkeys(row.smiles for rows in chosen.values() for row in rows)
    chunks = chunked(distinct, CHUNK_SMILES)
    found = (read for chunk in ordered_map(read_smiles_chunk, chunks, processes) for read in chunk)
    for smiles, read in zip(distinct, found, strict=True):
        known.add(smiles, read)
    return known


def read_smiles_chunk(chunk: list[str]) -> list[dict[str, Any] | UnusableMolecule]:
    """Return the molecules row of each SMILES, its id empty, or why it is unusable."""
    return [_read_smiles(smiles) for smiles in chunk]


def _read_smiles(smiles: str) -> dict[str, Any] | UnusableMolecule:
    try:
        return molecule_row(parse_smiles(smiles), "")
    except UnusableMolecule as error:
        return error
    except Exception as error:  # RDKit raises RuntimeError and others for what it did not foresee
        return UnusableMolecule(RejectReason.UNREADABLE_MOLECULE, f"{type(error).__name__}: {error}"[:300])


def _sort_rows(
    lists: Mapping[str, PairList], chosen: Mapping[str, list[Row]], owners: Mapping[str, Row], known: Molecules
) -> Sorted:
    """Use every chosen row or reject it with the reason."""
    bad = [_reject(name, misfit) for name, of_list in lists.items() for misfit in of_list.misfits]
    pairs = {name: Pairs(test_set, owners, known) for name, test_set in TEST_SETS.items()}
    done = Sorted({part: {} for part in ("train", "val", "test")}, [], Counter(), bad)
    for name, rows in chosen.items():
        for row in rows:
            try:
                molecule_id = known.molecule_id(row.smiles)
                if row.label:
                    done.holding[PARTS[name]][molecule_id] = None
                if name in pairs:
                    pairs[name].add(row)
                done.used[name] += 1
            except (UnusableMolecule, UnusableRecord) as error:
                bad.append(_reject(name, Misfit(row.number, error.reason, error.message)))
    done.pairs.extend(row for of_list in pairs.values() for row in of_list.rows)
    return done


def _reject(name: str, misfit: Misfit) -> dict[str, str]:
    return {
        "native_id": f"{name}:{misfit.number}",
        "stage": "record",
        "reason": misfit.reason,
        "message": f"{name}.csv.gz, line {misfit.number}: {misfit.message}",
    }


def _account(
    lists: Mapping[str, PairList], chosen: Mapping[str, list[Row]], done: Sorted, rejected: int
) -> dict[str, Any]:
    """Return how many rows were read, used, rejected and left out; raises AccountingError if they do not add up."""
    read = {name: len(of_list.rows) + len(of_list.misfits) for name, of_list in lists.items()}
    beyond = {name: len(of_list.rows) - len(chosen[name]) for name, of_list in lists.items()}
    require_equal(SOURCE, "rows", sum(read.values()), done.used.total() + sum(beyond.values()), rejected)
    reasons = Counter(f"{row['stage']}/{row['reason']}" for row in done.rejects)
    return {
        "source": SOURCE,
        "records": sum(read.values()),
        "record_rejects": rejected,
        "beyond_limit": sum(beyond.values()),
        "rejects": dict(sorted(reasons.items())),
        "lists": {
            name: {
                "rows": read[name],
                "positives": len(of_list.labelled(True)),
                "negatives": len(of_list.labelled(False)),
                "used": done.used[name],
            }
            for name, of_list in lists.items()
        },
    }


def _describe(
    lists: Mapping[str, PairList], chosen: Mapping[str, list[Row]], known: Molecules, done: Sorted
) -> dict[str, Any]:
    """Return what is in the tables, and what of it the lists have twice."""
    parts, held = done.parts, done.holding
    positives = (row.smiles for rows in chosen.values() for row in rows if row.label)
    common = set.intersection(*({(row.image, row.smiles) for row in lists[name].labelled(True)} for name in TEST_SETS))
    negatives = [pair for pair in done.pairs if not pair["label"]]
    return {
        "molecules": len(known.rows),
        "smiles_of_positives": len({known.canonical[smiles] for smiles in positives if smiles in known.canonical}),
        "parts": dict(Counter(parts.values())),
        "without_part": len(known.rows) - len(parts),
        "shared": {f"{one}/{other}": len(held[one].keys() & held[other]) for one, other in combinations(held, 2)},
        "removed_from_train": sum(parts[molecule_id] != "train" for molecule_id in held["train"]),
        "positives_common_to_test_lists": len(common),
        "listed_positives": dict(Counter(pair["test_set"] for pair in done.pairs if pair["label"])),
        "listed_negatives": dict(Counter(pair["test_set"] for pair in negatives)),
        "mean_tanimoto": mean_tanimoto(negatives, known.rows),
    }
