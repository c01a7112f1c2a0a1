"""Spectra as codes of words and rounded numbers: what tokens are made from before a vocabulary is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spectraflow.errors import InputError

Codes = NDArray[np.int32]
Numbers = NDArray[np.float64]

_SIZE = 1 << 20
_ZERO = _SIZE >> 1
_TENTHS, _HUNDREDTHS, _WHOLES = _SIZE, 2 * _SIZE, 3 * _SIZE
CODES = 4 * _SIZE
"""Codes are smaller than this: words, tenths, hundredths and whole numbers have a quarter of them each."""
INFRARED_POINTS = 400


class Words:
    """Words in the order of their first use; the place of a word is its code."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, word: str) -> int:
        """Return the code of a word, a new one if it is not known yet."""
        return self._codes.setdefault(word, len(self._codes))

    def texts(self, codes: Codes) -> list[str]:
        """Return the tokens that codes stand for, such as `m`, `137.6`, `2.35` or `87`."""
        known = list(self._codes)
        return [known[code] if code < _SIZE else _number_text(int(code)) for code in codes.tolist()]


def _number_text(code: int) -> str:
    value = code % _SIZE - _ZERO
    if code >= _WHOLES:
        return str(value)
    return f"{value / 100:.2f}" if code >= _HUNDREDTHS else f"{value / 10:.1f}"


def _codes(base: int, values: Numbers) -> Codes:
    if not np.isfinite(values).all() or np.abs(values).max(initial=0) >= _ZERO:
        raise InputError("a number is not finite or too large")
    return (values.astype(np.int64) + (base + _ZERO)).astype(np.int32)


def tenths(values: Numbers) -> Codes:
    """Return codes of numbers with one decimal."""
    return _codes(_TENTHS, np.rint(values * 10))


def hundredths(values: Numbers) -> Codes:
    """Return codes of numbers with two decimals."""
    return _codes(_HUNDREDTHS, np.rint(values * 100))


def carbon_codes(shifts_ppm: Numbers) -> Codes:
    """Return 13C shifts with one decimal, falling; shifts that are equal to 0.01 ppm are one.

    A source that lists a shift for every atom would else give the number of equivalent carbons away.
    """
    return tenths(np.unique(np.rint(shifts_ppm * 100))[::-1] / 100)


def proton_codes(
    shifts_ppm: Numbers,
    multiplicities: Sequence[str | None],
    hydrogens: Sequence[float | None],
    couplings: Sequence[str | None],
    words: Words,
) -> Codes:
    """Return 1H signals by falling shift: shift, multiplicity, protons, `J` and couplings in Hz, `|` behind each.

    What a source does not report is left out. Signals that read the same are one.
    """
    signals: dict[bytes, tuple[float, Codes]] = {}
    rows = zip(shifts_ppm.tolist(), multiplicities, hydrogens, couplings, strict=True)
    for shift, multiplicity, protons, hertz in rows:
        codes = _signal_codes(shift, multiplicity, protons, hertz, words)
        signals.setdefault(codes.tobytes(), (-shift, codes))
    ordered = sorted(signals.values(), key=lambda signal: signal[0])
    return np.concatenate([codes for _, codes in ordered]) if ordered else np.empty(0, np.int32)


def _signal_codes(
    shift: float, multiplicity: str | None, hydrogens: float | None, couplings: str | None, words: Words
) -> Codes:
    said = "".join((multiplicity or "").split())
    named = [said] if said else []
    if hydrogens is not None and np.isfinite(hydrogens):
        named.append(f"{hydrogens:g}H")
    parts = [hundredths(np.array([shift])), np.array([words.code(word) for word in named], np.int32)]
    if hertz := _couplings(couplings):
        parts += [np.array([words.code("J")], np.int32), hundredths(np.array(hertz))]
    return np.concatenate([*parts, np.array([words.code("|")], np.int32)])


def _couplings(text: str | None) -> list[float]:
    try:
        return [float(part) for part in (text or "").split("_") if part.strip()]
    except ValueError:
        raise InputError(f"couplings '{text}' are not numbers joined by _") from None


def mass_codes(mz: Numbers, intensity: Numbers, limit: int) -> Codes:
    """Return m/z and intensity by turns with one decimal, the strongest peak 100, m/z rising.

    Of more than `limit` peaks the weakest are left out; without intensities all count as 100.
    """
    if len(intensity) not in (0, len(mz)):
        raise InputError(f"{len(mz)} m/z, but {len(intensity)} intensities")
    height = intensity if len(intensity) else np.ones_like(mz)
    strongest = np.argsort(-height, kind="stable")[:limit]
    strongest = strongest[np.argsort(mz[strongest], kind="stable")]
    share = height[strongest] / max(float(height.max(initial=0)), np.finfo(np.float64).tiny)
    pairs = np.stack([tenths(mz[strongest]), tenths(100 * share)], 1)
    return pairs.ravel()


def infrared_codes(vectors: NDArray[np.float32]) -> NDArray[np.int32]:
    """Return spectra (N, P) as 400 whole numbers each, 0 to 100 from the spectrum's minimum to its maximum."""
    places = np.linspace(0, vectors.shape[1] - 1, INFRARED_POINTS)
    left = np.minimum(places.astype(np.int64), vectors.shape[1] - 2)
    share = places - left
    sampled = vectors[:, left] * (1 - share) + vectors[:, left + 1] * share
    low, high = sampled.min(1, keepdims=True), sampled.max(1, keepdims=True)
    spread = np.maximum(high - low, np.finfo(np.float32).tiny)
    return _codes(_WHOLES, np.rint((sampled - low) / spread * 100))
