"""One spectrum of a JCAMP-DX file: a table of peaks, or evenly spaced points of a continuous spectrum.

Source: JCAMP-DX 5.01 (Appl. Spectrosc. 1988, 42, 151; NMR: 1993, 47, 1093; MS: 1994, 48, 1545).
"""

import contextlib
import io
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jcamp
import numpy as np
from numpy.typing import NDArray

from spectraflow.sources.structures import UnusableRecord
from spectraflow.tables import RejectReason

MAX_POINTS = 4_000_000
"""More are no spectrum, and the reader would make room for them before it looks for them."""

_CONTINUOUS, _PAIRS = "(X++(Y..Y))", "(XY..XY)"
_TABLES = ("peak table", "xydata", "xypoints")
_POINTS = re.compile(rb"^##\s*NPOINTS\s*=\s*([0-9.]+)", re.MULTILINE | re.IGNORECASE)
_NUCLEUS = re.compile(r"\W*(\d+)\W*([A-Za-z]+)\W*")


@dataclass(frozen=True, slots=True)
class JcampSpectrum:
    """Positions (ppm or m/z), intensities as given, whether they are a continuous spectrum, and the field (MHz)."""

    position: list[float]
    intensity: list[float]
    continuous: bool
    frequency_mhz: float | None


def read_jcamp(path: Path, technique: str) -> JcampSpectrum:
    """Return the 13C, 1H or MS spectrum of a file with ``##PEAK TABLE=(XY..XY)`` or ``##XYDATA=(X++(Y..Y))``.

    NMR abscissae in Hz are divided by ``##.OBSERVE FREQUENCY``. Raises UnusableRecord for a file that is missing,
    damaged, holds another number of points than ``##NPOINTS``, several spectra, another nucleus or other units.
    """
    values = _read(path)
    kind = next((str(values[name]).upper() for name in _TABLES if name in values), None)
    if kind not in (_CONTINUOUS, _PAIRS):
        raise _unreadable(path, f"data in the form {kind}; {_CONTINUOUS} and {_PAIRS} are read")
    x, y = np.asarray(values["x"], float), np.asarray(values["y"], float)
    if not len(x) == len(y) == values.get("npoints"):
        raise _unreadable(path, f"{len(x)} x and {len(y)} y values, but ##NPOINTS is {values.get('npoints')}")
    if not len(x):
        raise UnusableRecord(RejectReason.EMPTY_PEAK_LIST, f"{path.name}: no point")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UnusableRecord(RejectReason.NUMBER_NOT_FINITE, f"{path.name}: a value is not a finite number")
    frequency = values.get(".observe frequency")
    field_mhz = float(frequency) if isinstance(frequency, int | float) and math.isfinite(frequency) else None
    x = _checked_mass(path, x, y) if technique == "MS" else _shifts(path, x, values, technique, field_mhz)
    return JcampSpectrum(x.tolist(), y.tolist(), kind == _CONTINUOUS, field_mhz)


def _unreadable(path: Path, message: str) -> UnusableRecord:
    return UnusableRecord(RejectReason.UNREADABLE_FILE, f"{path.name}: {message}")


def _read(path: Path) -> dict[str, Any]:
    said = io.StringIO()
    try:
        if any(float(points) > MAX_POINTS for points in _POINTS.findall(path.read_bytes())):
            raise ValueError(f"##NPOINTS is over {MAX_POINTS}")
        with contextlib.redirect_stdout(said):
            values: dict[str, Any] = jcamp.readfile(str(path))
    except FileNotFoundError:
        raise UnusableRecord(RejectReason.MISSING_FILE, f"{path.name}: no such file") from None
    except Exception as error:  # the reader raises KeyError, ValueError, ZeroDivisionError and others for damaged text
        raise _unreadable(path, f"{type(error).__name__}: {error}"[:200]) from None
    if "children" in values:
        raise _unreadable(path, "several spectra in one file")
    if "Y-Check failed" in said.getvalue():
        raise _unreadable(path, "the check of its compressed values fails")
    return values


def _checked_mass(path: Path, mz: NDArray[np.float64], intensity: NDArray[np.float64]) -> NDArray[np.float64]:
    if (mz <= 0).any() or (intensity < 0).any():
        raise UnusableRecord(
            RejectReason.MALFORMED_PEAK, f"{path.name}: m/z must be positive, intensities not negative"
        )
    return mz


def _shifts(
    path: Path, x: NDArray[np.float64], values: dict[str, Any], technique: str, field_mhz: float | None
) -> NDArray[np.float64]:
    """Return chemical shifts, ppm."""
    stated = values.get(".observe nucleus")
    match = _NUCLEUS.fullmatch(str(stated)) if stated else None
    if match and f"{match[1]}{match[2].upper()}" != technique.upper():
        raise UnusableRecord(RejectReason.WRONG_VALUE, f"{path.name}: a spectrum of {stated}, not of {technique}")
    units = str(values.get("xunits", "")).strip().upper()
    if units == "PPM":
        return x
    if units == "HZ" and field_mhz:
        return x / field_mhz
    raise UnusableRecord(
        RejectReason.WRONG_VALUE,
        f"{path.name}: XUNITS is {units or 'not given'}; PPM, or HZ with .OBSERVE FREQUENCY, is read",
    )
