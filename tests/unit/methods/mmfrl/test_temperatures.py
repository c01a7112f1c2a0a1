import pytest
import torch

from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.relational_loss import cosines, target_rows
from spectraflow.methods.mmfrl.temperatures import effective_neighbours, find_temperature


def batches(count: int = 3, size: int = 40) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [cosines(torch.randn(size, 6, generator=generator)) for _ in range(count)]


def test_uniform_rows_have_all_neighbours_and_sharp_ones_a_single_one():
    assert effective_neighbours(torch.full((5, 5), 0.2)) == pytest.approx(5)
    assert effective_neighbours(torch.eye(5)) == pytest.approx(1)


@pytest.mark.parametrize("include_self", [True, False])
@pytest.mark.parametrize("wanted", [2.0, 16.0])
def test_the_temperature_gives_the_wanted_neighbours(wanted, include_self):
    similarities = batches()
    tau = find_temperature(similarities, wanted, include_self)
    found = [effective_neighbours(target_rows(one, tau, include_self)) for one in similarities]
    assert sum(found) / len(found) == pytest.approx(wanted, rel=1e-3)


def test_more_neighbours_need_a_higher_temperature():
    assert find_temperature(batches(), 8, False) > find_temperature(batches(), 4, False)


def test_more_neighbours_than_a_batch_has_is_an_error_that_says_so():
    with pytest.raises(ConfigError, match=r"40 cannot be reached.* 39\.0"):
        find_temperature(batches(), 40, False)
    with pytest.raises(ConfigError, match="cannot be reached"):
        find_temperature([torch.ones(10, 10)], 4, False)  # ties do not part at any temperature
