"""Two-way fixed-effects regression: units taken out by demeaning, waves explicit, errors clustered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from belonging_study.effects.inference.cluster_robust import ClusterFit, cluster_fit
from belonging_study.effects.sample import PanelSample, within_units
from belonging_study.errors import DesignError

__all__ = ["fixed_effects_fit", "nuisance_columns"]

Array = npt.NDArray[np.float64]


def nuisance_columns(sample: PanelSample) -> tuple[Array, tuple[str, ...]]:
    """Wave dummies (without the first wave) and covariates, unit means taken out.

    Parameters
    ----------
    sample : PanelSample
        The rows.

    Returns
    -------
    values : numpy.ndarray
        Shape (rows, waves - 1 + covariates).
    names : tuple of str
        One name a column.

    Raises
    ------
    DesignError
        If a covariate does not vary within units.

    Examples
    --------
    >>> import pandas as pd
    >>> from belonging_study.effects.sample import panel_sample
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> sample = panel_sample(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> nuisance_columns(sample)[1]
    ('wave[2]',)
    """
    waves = range(1, len(sample.wave_names))
    dummies = (sample.wave[:, None] == np.array(waves)).astype(np.float64)
    values = within_units(np.hstack([dummies, sample.covariates]), sample.unit, sample.weights)
    size = np.abs(sample.covariates).max(axis=0, initial=0.0)
    moved = np.abs(values[:, dummies.shape[1] :]).max(axis=0, initial=0.0)
    constant = [n for n, s, m in zip(sample.covariate_names, size, moved, strict=True) if m <= 1e-9 * s]
    if constant:
        raise DesignError(
            f"{len(constant)} covariates never change within a unit: {', '.join(constant)}.",
            remedy="leave them out: the comparison of each unit with itself already adjusts for them.",
        )
    names = tuple(f"wave[{sample.wave_names[w]}]" for w in waves)
    return values, names + sample.covariate_names


def fixed_effects_fit(sample: PanelSample, terms: npt.ArrayLike, names: Sequence[str]) -> ClusterFit:
    """Fit outcome on terms with unit and wave effects.

    Parameters
    ----------
    sample : PanelSample
        The rows.
    terms : array_like
        Columns of interest before demeaning, shape (rows, terms).
    names : sequence of str
        One name a term.

    Returns
    -------
    ClusterFit
        The terms come first, then the waves, then the covariates. Unit effects are demeaned (units lie within
        clusters, so CR2 stays exact) and not counted in CR1; waves cross clusters and stay explicit.

    Raises
    ------
    DesignError
        If a term is collinear with the effects.

    Examples
    --------
    >>> import pandas as pd
    >>> from belonging_study.effects.sample import panel_sample
    >>> rows = pd.DataFrame({"school": list("aabbccdd"), "wave": [1, 2] * 4, "y": [1., 2, 1, 3, 1, 1, 2, 2],
    ...                      "on": [0, 1, 0, 1, 0, 0, 0, 0]})
    >>> sample = panel_sample(rows, outcome="y", unit="school", time="wave", treated="on", cluster="school")
    >>> float(fixed_effects_fit(sample, sample.treated[:, None], ["on"]).coefficients[0].round(6))
    1.5
    """
    other, other_names = nuisance_columns(sample)
    own = within_units(np.asarray(terms, dtype=np.float64), sample.unit, sample.weights)
    return cluster_fit(
        np.hstack([own, other]),
        within_units(sample.y, sample.unit, sample.weights),
        sample.cluster,
        names=[*names, *other_names],
        weights=sample.weights,
        extra_params=1,
    )
