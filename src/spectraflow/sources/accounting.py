"""The accounting of an ingestion: everything read is written or rejected, or the step fails."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from spectraflow.errors import AccountingError


def require_equal(source: str, what: str, read: int, kept: int, rejected: int) -> None:
    """Raise AccountingError unless `read` equals `kept` plus `rejected`."""
    if read != kept + rejected:
        raise AccountingError(f"{source}: {read} {what} were read, but {kept} kept and {rejected} rejected")


def count_rejects(rejects: pa.Table) -> Counter[tuple[str, str]]:
    """Return the number of rejects of each (stage, reason)."""
    if not rejects.num_rows:
        return Counter()
    grouped = rejects.group_by(["stage", "reason"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({(row["stage"], row["reason"]): row["count_all"] for row in grouped})


class Accounting:
    """Sums over the chunks of a source with spectra; what was kept is counted in the tables to be written."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: Counter[str] = Counter()
        self.rejects: Counter[tuple[str, str]] = Counter()
        self.kept: Counter[str] = Counter()
        self.spectra: Counter[tuple[str, str]] = Counter()
        self.peaks: Counter[str] = Counter()

    def add(self, molecules: pa.Table, peaks: pa.Table, rejects: pa.Table, found: Counter[str]) -> None:
        """Add a chunk: its tables, and what its reader found in the raw text."""
        self.found += found
        self.rejects += count_rejects(rejects)
        self.kept["molecules"] += molecules.num_rows
        counted = peaks.select(["technique", "origin"]).append_column("n", pc.list_value_length(peaks["position"]))
        groups = counted.group_by(["technique", "origin"]).aggregate([([], "count_all"), ("n", "sum")]).to_pylist()
        for row in groups:
            self.spectra[row["technique"], row["origin"]] += row["count_all"]
            self.peaks[row["technique"]] += row["n_sum"]

    def rejected(self, stage: str) -> int:
        """Return the number of rejects of a stage."""
        return sum(count for (where, _), count in self.rejects.items() if where == stage)

    def summary(self) -> dict[str, Any]:
        """Return the accounting as JSON values; raises AccountingError if it does not add up."""
        found = self.found
        molecules, spectra, peaks = self.kept["molecules"], self.spectra.total(), self.peaks.total()
        require_equal(self.source, "records", found["records"], molecules, self.rejected("record"))
        require_equal(self.source, "spectra", found["spectra_found"], spectra, self.rejected("spectrum"))
        require_equal(self.source, "peaks", found["peaks_found"], peaks, self.rejected("peak"))
        prefix = "unsupported "
        return {
            "source": self.source,
            "records": found["records"],
            "molecules": molecules,
            "record_rejects": self.rejected("record"),
            "with_13C": found["with 13C"],
            "with_1H": found["with 1H"],
            "with_both": found["with both"],
            "spectra_found": found["spectra_found"],
            "spectra": spectra,
            "spectrum_rejects": self.rejected("spectrum"),
            "spectra_of_rejected_records": found["spectra_of_rejected_records"],
            "predicted_spectra": sum(n for (_, origin), n in self.spectra.items() if origin == "predicted"),
            "peaks_found": found["peaks_found"],
            "peaks": peaks,
            "peak_rejects": self.rejected("peak"),
            "assignment_rejects": self.rejected("assignment"),
            "rawdata_properties": found["rawdata"],
            "by_nucleus": {nucleus: self._nucleus(nucleus) for nucleus in ("13C", "1H")},
            "unsupported_nuclei": {n.removeprefix(prefix): k for n, k in sorted(found.items()) if n.startswith(prefix)},
            "rejects": {f"{stage}/{reason}": count for (stage, reason), count in sorted(self.rejects.items())},
        }

    def _nucleus(self, nucleus: str) -> dict[str, int]:
        """Return what the raw text held of a nucleus (found) and what the tables hold of it, by origin."""
        origins = {origin: count for (name, origin), count in sorted(self.spectra.items()) if name == nucleus}
        return {
            "spectra_found": self.found[f"spectra {nucleus}"],
            "predicted_found": self.found[f"predicted {nucleus}"],
            "spectra": sum(origins.values()),
            **origins,
            "peaks": self.peaks[nucleus],
        }
