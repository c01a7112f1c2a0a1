"""Increments of 13C and 1H shifts, ppm: how an atom of a type moves the shift of a carbon or proton near it.

The values follow the additivity rules taught for sp3 carbons (Grant and Paul, 1964), alkenes, substituted
benzenes and protons (Shoolery), rounded. They need not be exact: the simulated spectra must be learnable and
chemically sensible, not predictions.
"""

from functools import cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from spectraflow.spectra.atom_types import AtomType as A
from spectraflow.spectra.atom_types import CarbonClass

REACH = 6
"""Bonds beyond which an atom has no influence."""

COLUMNS = (
    "alpha", "beta", "gamma", "ipso", "ortho", "meta", "para", "vinyl", "vinyl_far", "acyl",
    "h_alpha", "h_beta", "h_ortho", "h_meta", "h_para", "h_geminal", "h_vicinal",
)  # fmt: skip
"""Positions of the substituent relative to the observed carbon (first ten) or proton."""

_ROWS = {
    # columns as above
    A.C_SP3: (9.1, 9.4, -2.5, 9.2, 0.7, -0.1, -3.0, 10.6, -7.9, 0.8, 0.0, 0.05, -0.18, -0.1, -0.2, 0.45, -0.25),
    A.C_VINYL: (19.5, 6.9, -2.1, 9.5, -2.0, 0.1, -0.8, 13.6, -7.0, -8.0, 0.75, 0.1, 0.06, -0.03, -0.1, 1.0, 0.05),
    A.C_AROMATIC: (10.0, 9.3, -2.6, 0.0, 0.0, 0.0, 0.0, 12.0, -11.0, -8.2, 1.3, 0.1, 0.0, 0.0, 0.0, 1.35, 0.2),
    A.C_CARBONYL: (19.5, 1.2, -2.7, 8.7, 0.6, 0.2, 5.0, 14.0, 13.0, -8.5, 1.2, 0.2, 0.6, 0.2, 0.28, 1.05, 0.95),
    A.C_CARBOXYL: (9.0, 2.4, -2.8, 2.1, 1.4, 0.0, 4.6, 5.5, 8.9, -13.0, 1.1, 0.25, 0.75, 0.14, 0.24, 0.9, 0.7),
    A.C_SP: (-1.0, 2.2, -3.0, -15.8, 3.6, 0.7, 4.2, -15.0, 14.5, -16.0, 1.1, 0.3, 0.36, 0.18, 0.28, 0.3, 0.6),
    A.O_HYDROXYL: (48.5, 10.1, -5.9, 26.8, -12.8, 1.5, -7.4, 25, -36, -28, 2.35, 0.3, -0.56, -0.12, -0.45, 1.2, -1.2),
    A.O_ETHER: (57.5, 7.4, -6.2, 31.3, -14.4, 1.0, -7.8, 29.4, -38.9, -35.0, 2.2, 0.28, -0.48, -0.09, -0.44, 1.2, -1.2),
    A.O_ESTER: (52.0, 6.0, -5.8, 22.5, -7.2, 0.4, -3.1, 18.0, -26.7, -36.5, 2.9, 0.4, -0.25, 0.03, -0.13, 2.1, -0.5),
    A.O_DOUBLE: (40.0, 4.0, -4.0, 33.5, -8.0, 9.5, -16.0, 0.0, 0.0, 0.0, 1.2, 0.2, -0.75, 0.05, -0.85, 0.0, 0.0),
    A.O_AROMATIC: (52.0, 6.5, -5.0, 14.2, -18.7, -2.0, 0.0, 22.0, -30.0, -35.0, 2.5, 0.3, 0.0, 0.0, 0.0, 1.2, -0.9),
    A.N_AMINE: (30.5, 10.2, -5.0, 18.7, -13.2, 0.8, -9.7, 20.5, -29, -37, 1.45, 0.2, -0.75, -0.25, -0.65, 0.8, -1.2),
    A.N_AMIDE: (26.5, 7.4, -4.6, 10.2, -8.1, 0.4, -4.6, 6.5, -24.5, -36.0, 1.95, 0.25, 0.12, -0.07, -0.28, 2.0, -0.6),
    A.N_NITRO: (50.0, 3.1, -4.6, 19.9, -4.9, 0.9, 6.1, 22.3, -0.9, -30.0, 3.1, 0.6, 0.95, 0.26, 0.38, 1.9, 1.3),
    A.N_PYRIDINE: (29.0, 6.5, -3.5, 21.4, -4.7, 7.4, 0.9, 16.0, -18.0, -30.0, 1.6, 0.3, 0.0, 0.0, 0.0, 1.2, -0.3),
    A.N_PYRROLE: (31.0, 7.8, -4.2, -9.6, -20.2, -1.5, 0.0, 12.0, -26.0, -36.0, 2.4, 0.3, 0.0, 0.0, 0.0, 1.6, -0.7),
    A.N_UNSATURATED: (33.0, 6.0, -4.0, 16.0, -5.2, 0.8, 2.4, 14.0, -12.0, -32.0, 1.7, 0.3, 0.55, 0.16, 0.22, 1.0, 0.2),
    A.F: (70.1, 7.8, -6.8, 34.8, -12.9, 1.4, -4.5, 24.9, -34.3, -45.0, 3.25, 0.45, -0.26, 0.0, -0.2, 1.5, -0.4),
    A.CL: (31.2, 10.5, -4.6, 6.3, 0.4, 1.4, -1.9, 2.6, -6.1, -36.0, 2.3, 0.5, 0.03, -0.02, -0.09, 1.0, 0.2),
    A.BR: (19.8, 10.6, -3.1, -5.8, 3.3, 1.6, -1.6, -7.9, -1.4, -38.0, 2.2, 0.65, 0.18, -0.08, -0.04, 1.0, 0.5),
    A.I: (-6.8, 10.9, -1.5, -34.1, 8.9, 1.7, -1.1, -38.1, 7.0, -47.0, 1.95, 0.75, 0.39, -0.21, 0.0, 1.1, 0.8),
    A.S_SULFIDE: (15.5, 11.1, -3.6, 6.5, -0.4, 0.2, -2.7, 18.0, -16.0, -10.0, 1.3, 0.32, -0.08, -0.1, -0.24, 1.1, -0.2),
    A.S_OXIDISED: (38.5, 3.0, -3.4, 13.5, -2.3, 1.0, 5.0, 15.0, 3.0, -12.0, 1.75, 0.4, 0.64, 0.26, 0.33, 1.3, 1.0),
    A.S_AROMATIC: (18.0, 8.0, -3.2, -3.4, -1.5, -1.0, 0.0, 9.0, -12.0, -12.0, 1.4, 0.3, 0.0, 0.0, 0.0, 0.9, -0.1),
    A.OTHER: (5.0, 4.0, -1.5, 4.2, 3.5, 0.6, 1.3, 4.0, 5.0, -6.0, 0.6, 0.15, 0.3, 0.05, 0.08, 0.5, 0.4),
}  # fmt: skip

CARBON_BASE = MappingProxyType(
    {
        CarbonClass.SP3: -2.3,
        CarbonClass.ALKENE: 123.3,
        CarbonClass.AROMATIC: 131.4,
        CarbonClass.CARBONYL: 204.5,
        CarbonClass.THIOCARBONYL: 216.0,
        CarbonClass.IMINE: 158.0,
        CarbonClass.ALKYNE: 74.0,
        CarbonClass.NITRILE: 117.0,
        CarbonClass.ALLENE: 205.0,
        CarbonClass.HETEROCUMULENE: 126.0,
    }
)

PROTON_BASE = MappingProxyType(
    {
        CarbonClass.ALKENE: 5.25,
        CarbonClass.AROMATIC: 7.27,
        CarbonClass.CARBONYL: 9.65,
        CarbonClass.THIOCARBONYL: 10.2,
        CarbonClass.IMINE: 7.9,
        CarbonClass.ALKYNE: 2.1,
        CarbonClass.NITRILE: 3.5,
        CarbonClass.ALLENE: 4.9,
        CarbonClass.HETEROCUMULENE: 4.0,
    }
)
ALKYL_PROTON_BASE = (1.5, 1.5, 1.25, 0.9)
"""sp3 C-H by the number of hydrogens on the carbon (0 never occurs)."""

HETERO_PROTON_BASE = MappingProxyType(
    {
        A.O_HYDROXYL: 2.2,
        A.N_AMINE: 1.5,
        A.N_AMIDE: 6.2,
        A.N_PYRROLE: 9.0,
        A.N_PYRIDINE: 11.0,
        A.N_UNSATURATED: 6.0,
        A.S_SULFIDE: 1.4,
        A.S_OXIDISED: 5.0,
    }
)
_RING_PROTON = {
    A.N_PYRIDINE: (1.25, -0.15, 0.35),
    A.N_PYRROLE: (-0.55, -1.10, 0.05),
    A.O_AROMATIC: (0.15, -0.90, 0.0),
    A.S_AROMATIC: (0.05, -0.20, 0.0),
}
_RING_SIZE = {
    CarbonClass.SP3: (-18.5, -3.0, -8.0, -5.0, -4.5),
    CarbonClass.ALKENE: (-14.0, 6.0, 3.0, 1.0, 1.5),
    CarbonClass.CARBONYL: (-20.0, -2.0, 6.0, 2.5, 3.5),
}


def ring_size_effect(kind: int, size: int) -> float:
    """Return the effect in ppm of the smallest ring (of 3, 4, 5, 6, more atoms) that a carbon belongs to."""
    row = _RING_SIZE.get(CarbonClass(kind))
    return 0.0 if row is None or size < 3 else row[min(size, 7) - 3]


def column(name: str) -> NDArray[np.float64]:
    """Return one column of the table, indexed by atom type, ppm."""
    at = COLUMNS.index(name)
    return np.array([_ROWS[kind][at] for kind in A])


def _both(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([values, values])


def _on_ring(substituent: NDArray[np.float64], otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values for atoms off, then on, an aromatic ring; the ring's own atoms always count."""
    members = np.isin(np.arange(len(A)), [A.N_PYRIDINE, A.N_PYRROLE, A.O_AROMATIC, A.S_AROMATIC])
    return np.concatenate([np.where(members, substituent, otherwise), substituent])


def _blank() -> NDArray[np.float64]:
    return np.zeros((len(CarbonClass), 2, REACH + 1, 2 * len(A)))


@cache
def carbon_table() -> NDArray[np.float64]:
    """Return 13C increments ``[class of the carbon, side, distance, type + 25 * bonded to an aromatic ring]``, ppm.

    Side 1 holds atoms that are reached through the carbon's multiple-bond partner.
    """
    alpha, beta, gamma = column("alpha"), column("beta"), column("gamma")
    table = _blank()
    table[:, 0, 4], table[:, 1, 4] = _both(0.03 * beta), _both(0.04 * beta)
    table[:, 0, 5], table[:, 1, 5] = _both(0.012 * beta), _both(0.012 * beta)
    for distance, values in enumerate((alpha, beta, gamma), start=1):
        table[CarbonClass.SP3, 0, distance] = _both(values)
    table[CarbonClass.ALKENE, 0, 1:4] = np.stack([_both(column("vinyl")), _both(0.7 * beta), _both(0.6 * gamma)])
    table[CarbonClass.ALKENE, 1, 2:4] = np.stack([_both(column("vinyl_far")), _both(-0.2 * beta)])
    remote = (0 * alpha, -0.12 * beta, 0.25 * gamma, 0.03 * beta)
    for distance, (name, other) in enumerate(zip(("ipso", "ortho", "meta", "para"), remote, strict=True), start=1):
        table[CarbonClass.AROMATIC, 0, distance] = _on_ring(column(name), other)
    for kind, share in ((CarbonClass.CARBONYL, 1.0), (CarbonClass.THIOCARBONYL, 0.6), (CarbonClass.IMINE, 0.35)):
        table[kind, 0, 1:4] = np.stack([_both(share * column("acyl")), _both(0.25 * beta), _both(0.3 * gamma)])
    table[CarbonClass.IMINE, 1, 2] = _both(0.08 * alpha)
    table[CarbonClass.ALKYNE, 0, 1:3] = np.stack([_both(0.7 * alpha), _both(0.15 * beta)])
    table[CarbonClass.ALKYNE, 1, 2:4] = np.stack([_both(-0.6 * alpha), _both(0.1 * beta)])
    for kind in (CarbonClass.NITRILE, CarbonClass.ALLENE, CarbonClass.HETEROCUMULENE):
        table[kind, 0, 1:4] = np.stack([_both(0.1 * alpha), _both(0.2 * beta), _both(0.2 * gamma)])
    return table


@cache
def proton_table() -> NDArray[np.float64]:
    """Return 1H increments with the axes of `carbon_table`; distances count from the atom that bears the proton."""
    near, far = column("h_alpha"), column("h_beta")
    table = _blank()
    table[:, :, 3], table[:, :, 4] = _both(0.15 * far), _both(0.05 * far)
    table[CarbonClass.SP3, 0, 1:3] = np.stack([_both(near), _both(far)])
    table[CarbonClass.ALKENE, 0, 1:3] = np.stack([_both(column("h_geminal")), _both(0.3 * far)])
    table[CarbonClass.ALKENE, 1, 2] = _both(column("h_vicinal"))
    for distance, name in ((2, "h_ortho"), (3, "h_meta"), (4, "h_para")):
        table[CarbonClass.AROMATIC, 0, distance] = _on_ring(column(name), 0.1 * far / distance)
    for kind, values in _RING_PROTON.items():
        for distance, value in enumerate(values, start=1):
            table[CarbonClass.AROMATIC, 0, distance, [kind, kind + len(A)]] = value
    for other in (CarbonClass.CARBONYL, CarbonClass.THIOCARBONYL, CarbonClass.IMINE, CarbonClass.HETERO):
        table[other, 0, 1:3] = np.stack([_both(0.25 * near), _both(0.5 * far)])
    table[CarbonClass.ALKYNE, 1, 2] = _both(0.3 * far)
    return table
