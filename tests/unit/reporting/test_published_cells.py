import pytest

from spectraflow.reporting.published_cells import Near, Not, as_printed, equal


@pytest.mark.parametrize(
    ("found", "wanted", "meets", "printed"),
    [
        (0.3, 0.3 + 1e-12, True, True),
        (True, 1, True, True),
        ("a", ("b", "a"), True, True),
        (["13C", "IR"], frozenset({"IR", "13C"}), True, True),
        (["IR", "IR"], frozenset({"IR", "13C"}), False, False),
        ("IR", frozenset("IR"), False, False),
        ("open", Near("sdbs", ("open",)), True, False),
        ("sdbs", Near("sdbs", ("open",)), True, True),
        (0.2, Not((0.0,)), True, False),
        (0.0, Not((0.0,)), False, False),
    ],
)
def test_conditions(found, wanted, meets, printed):
    assert equal(found, wanted) is meets
    assert as_printed(found, wanted) is printed
