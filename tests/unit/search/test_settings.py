import pytest

from spectraflow.errors import ConfigError
from spectraflow.search.settings import SearchSettings
from spectraflow.settings import check


def test_recall_beyond_the_candidates_is_refused():
    with pytest.raises(ConfigError, match="recall at 50 needs as many candidates, not 20"):
        check(SearchSettings, {"candidates": 20, "k": [1, 50]})
