import math

import pytest

from spectraflow.evaluation.uncertainty import Interval
from spectraflow.reporting.runs import Measured
from spectraflow.reporting.score_cells import is_apart, p_text, score_cell, signed_points


@pytest.mark.parametrize(("p", "text"), [(math.nan, "–"), (1e-9, "< 0.0001"), (0.0123, "0.012"), (1.0, "1")])
def test_p_values_in_words(p, text):
    assert p_text(p) == text


def test_points_keep_their_sign_unless_they_are_none():
    assert signed_points(Interval(0.014, -0.002, 0.03, 5)) == {"value": "+1.4", "interval": "-0.2 to +3.0"}
    assert signed_points(Interval(-0.0001, -0.0004, 0.0, 5)) == {"value": "+0.0", "interval": "+0.0 to +0.0"}
    assert signed_points(Interval(math.nan, math.nan, math.nan, 0))["value"] == "–"
    assert signed_points(None)["value"] == "other molecules"
    assert signed_points(None, "other pairs")["value"] == "other pairs"


def test_an_interval_without_width_is_not_shown():
    assert score_cell(Measured(0.5, 0.4, 0.6))["interval"] == "40.0 to 60.0"
    assert score_cell(Measured(0.5, 0.5, 0.5)) == {"text": "50.0", "interval": "", "mark": ""}
    assert score_cell(None, "best") == {"text": "–", "interval": "", "mark": ""}


@pytest.mark.parametrize(("low", "high", "apart"), [(0.1, 0.2, True), (-0.2, -0.1, True), (-0.1, 0.1, False)])
def test_an_interval_without_zero_is_apart(low, high, apart):
    assert is_apart(Interval((low + high) / 2, low, high, 5)) is apart
    assert not is_apart(None)
