import numpy as np
import pytest
from scipy import stats

from spectraflow.methods.symspectra.normality import ks_statistics, lilliefors_p, normality


def test_statistic_agrees_with_scipy():
    columns = np.random.default_rng(0).exponential(size=(80, 5))
    z = (columns - columns.mean(axis=0)) / columns.std(axis=0, ddof=1)
    expected = [stats.kstest(column, "norm").statistic for column in z.T]
    assert ks_statistics(columns) == pytest.approx(expected)


def test_simulated_p_values_agree_with_published_critical_values():
    # Lilliefors 1967, with the corrections of Mason and Bell 1986: n = 20 and 30 at 5 %, 20 at 1 %
    critical = {20: (0.192, 0.05), 30: (0.159, 0.05)}
    for count, (distance, p) in critical.items():
        assert lilliefors_p(np.array([distance]), count)[0] == pytest.approx(p, abs=0.008)
    assert lilliefors_p(np.array([0.223]), 20)[0] == pytest.approx(0.01, abs=0.004)


def test_simulated_p_values_agree_with_scipys_monte_carlo_test():
    sample = np.random.default_rng(3).gamma(8, size=60)
    theirs = stats.goodness_of_fit(stats.norm, sample, statistic="ks", n_mc_samples=3000, rng=np.random.default_rng(0))
    ours = lilliefors_p(ks_statistics(sample[:, None]), 60)[0]
    assert ours == pytest.approx(theirs.pvalue, abs=0.025)


def test_normal_channels_are_rejected_as_often_as_the_level_says_and_naive_ks_is_too_lenient():
    features = np.random.default_rng(1).normal(3, 2, size=(300, 400))
    found = normality(features, (200,), simulations=4000)["200"]
    assert found["channels"] == 400
    assert 0.02 < found["shapiro_rejected"] < 0.09
    assert 0.02 < found["lilliefors_rejected"] < 0.09
    assert found["ks_rejected"] < 0.01
    assert found["ks_median_p"] > 0.7
    assert 0.4 < found["lilliefors_median_p"] < 0.6


def test_skewed_channels_are_rejected_by_larger_samples():
    features = np.random.default_rng(2).gamma(4, size=(1000, 60))
    found = normality(features, simulations=2000)
    assert list(found) == ["50", "200", "1000"]
    for test in ("shapiro", "lilliefors"):
        rejected = [found[size][f"{test}_rejected"] for size in found]
        assert rejected[0] < rejected[1] <= rejected[2] == 1


def test_constant_channels_and_small_sets():
    features = np.random.default_rng(0).normal(size=(60, 3))
    features[:, 1] = 2.5
    found = normality(features, simulations=200)
    assert list(found) == ["50"]
    assert (found["50"]["channels"], found["50"]["constant"]) == (2, 1)
    assert normality(np.ones((60, 2)), simulations=50)["50"]["ks_median_p"] is None
    assert found == normality(features, simulations=200)
    with pytest.raises(ValueError, match="finite"):
        normality(np.full((60, 1), np.nan))
