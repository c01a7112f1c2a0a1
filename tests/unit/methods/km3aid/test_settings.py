import pytest

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.settings import check

HEAD, WEIGHT = {"model": {"shift_head": True}}, {"objective": {"shift_weight": 0.5}}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"runs": [{}, HEAD]}, r"km3aid\.runs\.1: .*shift_head needs objective\.shift_weight above 0"),
        ({"base": WEIGHT}, r"km3aid\.base: .*shift_weight needs model\.shift_head: true"),
        ({"base": {"objective": {"shift_weight": -1}}}, r"base\.objective\.shift_weight: .*greater than or equal to 0"),
        ({"grids": [{"label": "g", "vary": {"model.shift_head": [False, True]}}]}, r"'g': .*shift_weight above 0"),
    ],
)
def test_a_head_and_its_weight_come_together(section, message):
    with pytest.raises(ConfigError, match=message):
        check(Config, {"km3aid": section})


def test_a_grid_may_vary_the_weight_of_a_head():
    grid = {"label": "g", "set": HEAD, "vary": {"objective.shift_weight": [0.3, 1.0]}}
    planned = list(check(Config, {"km3aid": {"runs": [{**HEAD, **WEIGHT}], "grids": [grid]}}).km3aid.planned())
    assert [one.run.objective.shift_weight for one in planned] == [0.5, 0.3, 1.0]
