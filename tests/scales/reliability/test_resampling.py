from __future__ import annotations

import numpy as np
import pytest

from belonging_study.errors import DataError
from belonging_study.scales.reliability.resampling import Resampled, resample


def of_the_mean(values: np.ndarray, seed: int, conf_level: float = 0.95) -> Resampled:
    return resample(
        values, lambda x: [float(x.mean())], [float(values.mean())], draws=4000, seed=seed, conf_level=conf_level
    )


@pytest.mark.parametrize(("conf_level", "z"), [(0.95, 1.95996), (0.8, 1.28155)])
def test_the_interval_of_a_mean_is_that_of_its_standard_error(conf_level: float, z: float) -> None:
    values = np.random.default_rng(1).normal(size=(400, 1))
    found = of_the_mean(values, 1, conf_level)
    half = z * values.std() / 20
    assert found.low[0] == pytest.approx(values.mean() - half, abs=0.08 * half)
    assert found.high[0] == pytest.approx(values.mean() + half, abs=0.08 * half)


def test_a_seed_decides_the_interval() -> None:
    values = np.random.default_rng(1).normal(size=(100, 1))
    assert of_the_mean(values, 1).low == of_the_mean(values, 1).low
    assert of_the_mean(values, 1).low != of_the_mean(values, 2).low


def test_draws_that_fail_are_counted_and_too_many_give_nothing() -> None:
    values = np.random.default_rng(1).normal(size=(50, 2))
    for every, failed in ((10, 10), (1, 100)):
        calls = iter(range(1000))

        def figure(drawn: np.ndarray) -> list[float]:
            if next(calls) % every == 0:  # noqa: B023
                raise DataError("no")
            return [float(drawn.sum())]

        found = resample(values, figure, [0.0], draws=100, seed=1, conf_level=0.9)
        assert found.n_failed == failed
        assert f"{failed} of 100 bootstrap draws failed" in found.note
        assert np.isnan(found.low[0]) == (every == 1)


def test_a_draw_with_a_constant_item_fails() -> None:
    values = np.zeros((5, 1))
    values[0] = 1.0  # left out of (4/5)^5 = 33% of draws
    found = resample(values, lambda x: [float(x.mean())], [0.2], draws=1000, seed=1, conf_level=0.95)
    assert 280 < found.n_failed < 375


def test_a_biased_figure_is_corrected() -> None:
    # Every draw falls .08 too low.
    values = np.random.default_rng(2).normal(size=(200, 1)) ** 2
    estimate = float(np.log(values.mean()))

    def biased(drawn: np.ndarray) -> list[float]:
        return [float(np.log(drawn.mean())) - 0.08]

    plain = resample(values, lambda x: [biased(x)[0] + 0.08], [estimate], draws=2000, seed=1, conf_level=0.95)
    found = resample(values, biased, [estimate], draws=2000, seed=1, conf_level=0.95)
    shifted = plain.high[0] - 0.08
    assert found.high[0] > shifted + 0.04  # plain percentiles of the biased draws would end there
    assert found.low[0] > plain.low[0] - 0.08 + 0.04
