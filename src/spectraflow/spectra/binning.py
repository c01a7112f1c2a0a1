"""Binary binning of 13C shifts (CReSS axis; K-M3AID reference section 2)."""

import numpy as np

BINS = 4000
LOWEST_PPM = -50.0
BINS_PER_PPM = 10


def bin_shifts(shift_mppm: np.ndarray) -> np.ndarray:
    """Return the bin of each shift, int64 in 0..3999.

    Args:
        shift_mppm: shifts in thousandths of a ppm, any shape.

    The bin is round((ppm + 50) * 10) in float64, half to even, clamped to the axis (-50 to 350 ppm).
    """
    ppm = np.asarray(shift_mppm, dtype=np.float64) / 1000
    return np.clip(np.round((ppm - LOWEST_PPM) * BINS_PER_PPM), 0, BINS - 1).astype(np.int64)
