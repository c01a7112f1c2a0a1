import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spectraflow.methods.shifts.solvents import SOLVENTS, solvent_code


@pytest.mark.parametrize(
    ("text", "solvent"),
    [
        (None, "unreported"),
        ("  ", "unreported"),
        ("Unreported", "unreported"),
        ("Chloroform-D1 (CDCl3)", "chloroform"),
        ("CDCL3,TMS", "chloroform"),
        ("Dimethylsulphoxide-D6 (DMSO-D6, C2D6SO)", "dmso"),
        ("dimethyl sulfoxide", "dmso"),
        ("(CD3)2SO", "dmso"),
        ("Methanol-D4 (CD3OD)", "methanol"),
        ("MeOH", "methanol"),
        ("Acetone-D6 ((CD3)2CO)", "acetone"),
        ("Deuteriumoxide (D2O)", "water"),
        ("Water (H2O)", "water"),
        ("Benzene-D6 (C6D6)", "benzene"),
        ("Pyridin-D5 (C5D5N)", "pyridine"),
        ("TETRACHLORO-METHANE (CCl4)", "other"),
        ("o-dichlorobenzene-d4", "other"),
        ("nitrobenzene", "other"),
        ("Chloroform-D1 (CDCl3) + Methanol-D4 (CD3OD) (9:1)", "other"),
        ("acetone-d6 + 1 drop D2O", "other"),
    ],
)
def test_solvents_as_the_source_writes_them(text, solvent):
    assert SOLVENTS[solvent_code(text)] == solvent


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_has_a_solvent_whatever_its_case(text):
    assert 0 <= solvent_code(text) < len(SOLVENTS)
    if text.isascii():
        assert solvent_code(text.upper()) == solvent_code(text.lower())
