"""Records of a local SDBS export: what a record may hold, and its spectra. The format is documented in docs/sdbs.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, TypeAdapter, ValidationError

from spectraflow.sources.jcamp_files import read_jcamp
from spectraflow.sources.structures import UnusableRecord
from spectraflow.tables import RejectReason

SPECTRA = {"ms": "MS", "c13": "13C", "h1": "1H"}
"""Key of a record → technique."""

_REASONS = {"extra_forbidden": RejectReason.UNKNOWN_FIELD, "finite_number": RejectReason.NUMBER_NOT_FINITE}
_SHOWN_FAULTS = 3


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class JcampFiles(_Strict):
    """Paths relative to the export; a file takes the place of the record's list."""

    ms: str | None = None
    c13: str | None = None
    h1: str | None = None


class SdbsRecord(_Strict):
    """One compound; peak lists are checked one by one, so that a bad one leaves the others usable."""

    record_id: Annotated[str, Field(min_length=1)]
    sdbs_no: int | None = None
    smiles: str | None = None
    inchi: str | None = None
    inchikey: str | None = None
    ms: Any = None
    ms_ionization_ev: FiniteFloat | None = None
    c13: Any = None
    c13_solvent: str | None = None
    c13_mhz: FiniteFloat | None = None
    h1: Any = None
    h1_solvent: str | None = None
    h1_mhz: FiniteFloat | None = None
    jcamp: JcampFiles = JcampFiles()


class CarbonPeak(_Strict):
    """A 13C peak."""

    ppm: FiniteFloat
    intensity: FiniteFloat | None = None


class ProtonPeak(CarbonPeak):
    """A 1H peak or multiplet."""

    nH: Annotated[FiniteFloat, Field(ge=0)] | None = None
    mult: str | None = None


MassPeak = tuple[Annotated[FiniteFloat, Field(gt=0)], Annotated[FiniteFloat, Field(ge=0)]]
_MASS, _CARBON, _PROTON = TypeAdapter(list[MassPeak]), TypeAdapter(list[CarbonPeak]), TypeAdapter(list[ProtonPeak])


@dataclass(frozen=True, slots=True)
class Spectrum:
    """A spectrum as rows of peaks (or, if `continuous`, of profiles) want it."""

    technique: str
    position: list[float]
    intensity: list[float | None]
    multiplicity: list[str | None] | None = None
    hydrogens: list[float | None] | None = None
    solvent: str | None = None
    frequency_mhz: float | None = None
    continuous: bool = False


def check_record(values: Any) -> SdbsRecord:
    """Return a record; raises UnusableRecord naming every fault but those of its spectra."""
    if isinstance(values, Mapping) and values.get("jcamp") is None:
        values = {name: value for name, value in values.items() if name != "jcamp"}
    try:
        return SdbsRecord.model_validate(values)
    except ValidationError as error:
        raise _unusable(error, RejectReason.WRONG_VALUE) from None


def native_id(values: Any, place: str) -> str:
    """Return the id a record states, or its place in the file if it has none that can be used."""
    stated = values.get("record_id") if isinstance(values, Mapping) else None
    return stated if isinstance(stated, str) and stated else place


def stated_spectra(values: Any) -> list[str]:
    """Return the keys of the spectra that a record, perhaps a faulty one, states."""
    if not isinstance(values, Mapping):
        return []
    files = values.get("jcamp")
    files = files if isinstance(files, Mapping) else {}
    return [key for key in SPECTRA if values.get(key) is not None or files.get(key) is not None]


def read_spectrum(record: SdbsRecord, key: str, export: Path) -> Spectrum:
    """Return a stated spectrum of a record, from its JCAMP-DX file or its list; raises UnusableRecord."""
    file = getattr(record.jcamp, key)
    spectrum = _of_file(export, file, key) if file else _of_list(record, key)
    if not spectrum.position:
        raise UnusableRecord(RejectReason.EMPTY_PEAK_LIST, "no peak")
    if key == "ms" and not any(spectrum.intensity):
        raise UnusableRecord(RejectReason.EMPTY_PEAK_LIST, "every intensity is 0")
    return spectrum


def _of_file(export: Path, file: str, key: str) -> Spectrum:
    path = (export / file).resolve()
    if not path.is_relative_to(export.resolve()):
        raise UnusableRecord(RejectReason.MISSING_FILE, f"{file} lies outside the export")
    found = read_jcamp(path, SPECTRA[key])
    return Spectrum(
        SPECTRA[key],
        found.position,
        list(found.intensity),
        continuous=found.continuous,
        frequency_mhz=found.frequency_mhz,
    )


def _of_list(record: SdbsRecord, key: str) -> Spectrum:
    try:
        if key == "ms":
            masses = _MASS.validate_python(record.ms)
            return Spectrum("MS", [mz for mz, _ in masses], [intensity for _, intensity in masses])
        if key == "c13":
            carbons = _CARBON.validate_python(record.c13)
            return Spectrum("13C", [peak.ppm for peak in carbons], [peak.intensity for peak in carbons])
        protons = _PROTON.validate_python(record.h1)
    except ValidationError as error:
        raise _unusable(error, RejectReason.MALFORMED_PEAK) from None
    return Spectrum(
        "1H",
        [peak.ppm for peak in protons],
        [peak.intensity for peak in protons],
        [peak.mult for peak in protons],
        [peak.nH for peak in protons],
    )


def _unusable(error: ValidationError, otherwise: RejectReason) -> UnusableRecord:
    faults = error.errors(include_url=False)
    ids = any(fault["loc"] == ("record_id",) for fault in faults)
    reason = RejectReason.MISSING_ID if ids else _REASONS.get(faults[0]["type"], otherwise)
    shown = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:_SHOWN_FAULTS])
    return UnusableRecord(reason, shown + (f"; {len(faults) - _SHOWN_FAULTS} more" if len(faults) > 3 else ""))
