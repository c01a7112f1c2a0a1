import numpy as np
import pytest

from spectraflow.spectra.atom_types import AtomType, CarbonClass
from spectraflow.spectra.increments import (
    CARBON_BASE,
    COLUMNS,
    REACH,
    carbon_table,
    column,
    proton_table,
    ring_size_effect,
)


def test_every_column_has_a_finite_value_for_every_type() -> None:
    for name in COLUMNS:
        values = column(name)
        assert values.shape == (len(AtomType),)
        assert np.isfinite(values).all()


@pytest.mark.parametrize("table", [carbon_table(), proton_table()])
def test_an_atom_does_not_act_on_itself(table: np.ndarray) -> None:
    assert table.shape == (len(CarbonClass), 2, REACH + 1, 2 * len(AtomType))
    assert not table[:, :, 0].any()


def test_influence_fades_with_distance() -> None:
    reach = np.abs(carbon_table()[CarbonClass.SP3, 0]).mean(axis=1)
    assert reach[1] > reach[2] > reach[3] > reach[4] > reach[5] > 0


def test_the_partner_of_a_multiple_bond_does_not_count_as_substituent() -> None:
    for kind in (CarbonClass.ALKENE, CarbonClass.CARBONYL, CarbonClass.ALKYNE):
        assert not carbon_table()[kind, 1, 1].any()


def test_ring_size_matters_only_in_rings() -> None:
    assert ring_size_effect(CarbonClass.SP3, 0) == 0
    assert ring_size_effect(CarbonClass.SP3, 3) < ring_size_effect(CarbonClass.SP3, 4)
    assert ring_size_effect(CarbonClass.SP3, 7) == ring_size_effect(CarbonClass.SP3, 30)
    assert ring_size_effect(CarbonClass.AROMATIC, 6) == 0
    assert set(CARBON_BASE) == set(CarbonClass) - {CarbonClass.HETERO}
