from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from belonging_study.errors import ParameterError
from belonging_study.scales import smallest_detectable_change, standard_error_of_measurement


def test_an_example_by_hand() -> None:
    # 10 * sqrt(1 - .91) = 3; 1.96 * 1.41421 * 3 = 8.3155
    assert standard_error_of_measurement(10, 0.91) == pytest.approx(3)
    assert smallest_detectable_change(10, 0.91) == pytest.approx(8.3155, abs=2e-4)
    assert smallest_detectable_change(10, 0.91, n=25) == pytest.approx(8.3155 / 5, abs=1e-4)
    assert smallest_detectable_change(10, 0.91, 0.90) == pytest.approx(1.644854 * 2**0.5 * 3, abs=1e-5)


def test_people_who_did_not_change_rarely_pass_it() -> None:
    rng = np.random.default_rng(1)
    true = rng.normal(0, 0.8, 100_000)
    noise = 0.8 * np.sqrt(1 / 0.84 - 1)
    first, second = true + rng.normal(0, noise, (2, 100_000))
    line = smallest_detectable_change(float(first.std()), 0.84)
    assert np.mean(np.abs(second - first) > line) == pytest.approx(0.05, abs=0.004)


def test_edges() -> None:
    assert standard_error_of_measurement(2, 1) == 0
    assert standard_error_of_measurement(2, 0) == 2
    assert standard_error_of_measurement(0, 0.5) == 0


@pytest.mark.parametrize("reliability", [-0.1, 1.01, float("nan")])
def test_reliability(reliability: float) -> None:
    with pytest.raises(ParameterError, match="`reliability` must lie from 0 to 1"):
        smallest_detectable_change(1, reliability)


@pytest.mark.parametrize("sd", [-1, float("nan"), float("inf")])
def test_sd(sd: float) -> None:
    with pytest.raises(ParameterError, match="`sd` must be"):
        standard_error_of_measurement(sd, 0.8)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": -3}, {"conf_level": 95}])
def test_choices(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=f"`{next(iter(wrong))}` must"):
        smallest_detectable_change(1, 0.8, **wrong)
