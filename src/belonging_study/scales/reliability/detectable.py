"""From a reliability to what one score, or a change, can tell."""

from __future__ import annotations

import math

from belonging_study.errors import ParameterError

__all__ = ["detectable", "normal_quantile", "smallest_detectable_change", "standard_error_of_measurement"]


def standard_error_of_measurement(sd: float, reliability: float) -> float:
    """Standard error of measurement: how far a score strays from the person's true score.

    Parameters
    ----------
    sd : float
        Standard deviation of the scores, in the score's units; not negative.
    reliability : float
        From 0 to 1, of the same scores in the same people.

    Returns
    -------
    float
        sd * sqrt(1 - reliability), in the score's units.

    Raises
    ------
    ParameterError
        ``sd`` is negative or not a number, or ``reliability`` is not between 0 and 1.

    References
    ----------
    Lord, F. M., & Novick, M. R. (1968). *Statistical Theories of Mental Test Scores*. Addison-Wesley.

    Examples
    --------
    >>> round(standard_error_of_measurement(0.8, 0.84), 2)
    0.32
    """
    if not (math.isfinite(sd) and sd >= 0):
        raise ParameterError(f"`sd` must be a number from 0 on; it is {sd:g}.")
    if not 0 <= reliability <= 1:
        raise ParameterError(
            f"`reliability` must lie from 0 to 1; it is {reliability:g}.",
            remedy="a coefficient outside it is a sign of unreversed items or a Heywood case: look at its note.",
        )
    return sd * math.sqrt(1 - reliability)


def smallest_detectable_change(sd: float, reliability: float, conf_level: float = 0.95, n: int = 1) -> float:
    """Smallest change of a score that measurement error alone would rarely produce.

    Parameters
    ----------
    sd : float
        Standard deviation of the scores, in the score's units; not negative.
    reliability : float
        From 0 to 1, of the same scores in the same people.
    conf_level : float, default 0.95
        How rarely: an error passes the result in 1 - ``conf_level`` of people who did not change.
    n : int, default 1
        People whose mean change is judged; 1 for a single person.

    Returns
    -------
    float
        z * sqrt(2) * SEM / sqrt(n), in the score's units. For a group it covers measurement error alone, not the
        chance of who was sampled.

    Raises
    ------
    ParameterError
        As ``standard_error_of_measurement``; also for ``conf_level`` not between 0 and 1 and ``n`` below 1.

    References
    ----------
    de Vet, H. C. W., Terwee, C. B., Knol, D. L., & Bouter, L. M. (2006). When to use agreement versus reliability
    measures. *Journal of Clinical Epidemiology, 59*, 1033-1039.

    Examples
    --------
    >>> round(smallest_detectable_change(0.8, 0.84), 2), round(smallest_detectable_change(0.8, 0.84, n=100), 3)
    (0.89, 0.089)
    """
    return detectable(standard_error_of_measurement(sd, reliability), conf_level, n)


def detectable(sem: float, conf_level: float, n: int) -> float:
    """Smallest detectable change from a standard error of measurement."""
    if isinstance(n, bool) or n < 1:
        raise ParameterError(f"`n` must be a number of people from 1 on; it is {n}.")
    return normal_quantile(conf_level) * math.sqrt(2) * sem / math.sqrt(n)


def normal_quantile(conf_level: float) -> float:
    """Two-sided standard normal quantile; ParameterError unless the level lies between 0 and 1."""
    from scipy.special import ndtri

    if not 0 < conf_level < 1:
        raise ParameterError(f"`conf_level` must lie between 0 and 1; it is {conf_level:g}.")
    return float(ndtri(0.5 + conf_level / 2))
