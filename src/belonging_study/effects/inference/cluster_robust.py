"""Least squares with cluster-robust standard errors: CR1, CR2 with Satterthwaite df, CR3, and Hotelling-type tests.

Everything after the fit works on one small matrix and one small vector a cluster (the size of the number of
coefficients), so memory and time grow with rows times coefficients squared and never with rows squared.

References
----------
Bell, R. M. & McCaffrey, D. F. (2002). Bias reduction in standard errors for linear regression with multi-stage
samples. Survey Methodology 28, 169-181.
Pustejovsky, J. E. & Tipton, E. (2018). Small-sample methods for cluster-robust variance estimation and hypothesis
testing in fixed effects models. Journal of Business & Economic Statistics 36, 672-683.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import linalg, special

from belonging_study.errors import DesignError

__all__ = [
    "ClusterFit",
    "HotellingTest",
    "cluster_fit",
    "cluster_robust_covariance",
    "hotelling_test",
    "satterthwaite_df",
    "t_interval",
]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Kind = Literal["CR1", "CR2", "CR3"]

#: A direction whose leverage is this close to 1 is fitted by its own cluster alone and carries no information.
_FULL_LEVERAGE = 1e-10


@dataclass(frozen=True)
class ClusterFit:
    """A least-squares fit, its rows sorted by cluster.

    Attributes
    ----------
    names : tuple of str
        One name a column of ``x``.
    coefficients : numpy.ndarray
        Shape (columns,).
    x, y, residuals : numpy.ndarray
        Design, outcome and residuals, rows sorted by cluster (weights, where given, are multiplied in).
    starts : numpy.ndarray
        First row of each cluster, and the number of rows at the end: shape (clusters + 1,).
    n_params : int
        Coefficients counted in the CR1 correction.
    q : numpy.ndarray
        Orthonormal basis of the design, shape of ``x``.
    root : numpy.ndarray
        ``inv(R)`` of ``x = q R``: coefficients are ``root @ q.T @ y``.
    """

    names: tuple[str, ...]
    coefficients: Array
    x: Array
    y: Array
    residuals: Array
    starts: IntArray
    n_params: int
    q: Array
    root: Array

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.starts) - 1

    @cached_property
    def scores(self) -> Array:
        """``q_g' e_g`` for each cluster: shape (clusters, columns)."""
        return self.sums(self.q * self.residuals[:, None])

    @cached_property
    def _leverage(self) -> tuple[Array, Array]:
        """Eigenvalues and eigenvectors of ``q_g' q_g`` for each cluster."""
        grams = np.stack([self.q[a:b].T @ self.q[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)])
        values, vectors = np.linalg.eigh(grams)
        return np.clip(values, 0.0, 1.0), vectors

    def sums(self, values: Array) -> Array:
        """Sum rows (sorted by cluster) within clusters."""
        return np.add.reduceat(values, self.starts[:-1], axis=0)

    def adjustment(self, power: float) -> Array:
        """``F_g`` with ``(I - q_g q_g')^power q_g = q_g F_g``: shape (clusters, columns, columns)."""
        values, vectors = self._leverage
        room = 1.0 - values
        factor = np.where(room > _FULL_LEVERAGE, np.maximum(room, _FULL_LEVERAGE) ** power, 0.0)
        return np.asarray((vectors * factor[:, None, :]) @ vectors.transpose(0, 2, 1))

    def gram(self) -> Array:
        """``q_g' q_g`` for each cluster: shape (clusters, columns, columns)."""
        values, vectors = self._leverage
        return np.asarray((vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1))


@dataclass(frozen=True)
class HotellingTest:
    """A joint test of several coefficients.

    Attributes
    ----------
    statistic : float
        F statistic.
    df_num, df_denom : float
        Its degrees of freedom.
    p_value : float
        Upper tail of F.
    """

    statistic: float
    df_num: float
    df_denom: float
    p_value: float


def cluster_fit(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    names: Sequence[str] | None = None,
    weights: npt.ArrayLike | None = None,
    extra_params: int = 0,
) -> ClusterFit:
    """Fit by least squares and keep what the cluster-robust formulas need.

    Parameters
    ----------
    x : array_like
        Design, shape (rows, columns). A fixed effect may have been taken out by (weighted) demeaning if each of its
        groups lies in one cluster; anything that crosses clusters, such as waves, must stay as explicit columns,
        because CR2 after demeaning across clusters is wrong (Pustejovsky & Tipton 2018, theorem 2).
    y : array_like
        Outcome, shape (rows,), demeaned in the same way.
    clusters : array_like
        Cluster of each row, shape (rows,).
    names : sequence of str, optional
        Names of the columns, for messages.
    weights : array_like, optional
        Positive weights, taken as inverse variances up to a factor.
    extra_params : int
        Parameters beside the columns that the CR1 correction counts: 1 for the constant of a demeaned model.
        Effects nested in clusters are not counted, as in Stata's ``xtreg, fe``.

    Returns
    -------
    ClusterFit
        No row is dropped: missing values are not allowed.

    Raises
    ------
    DesignError
        If a column is collinear with others, or values are missing.

    Examples
    --------
    >>> fit = cluster_fit([[1, 0], [1, 1], [1, 0], [1, 1]], [1, 2, 2, 4], ["a", "a", "b", "b"])
    >>> fit.coefficients.round(3)
    array([1.5, 1.5])
    """
    design = np.asarray(x, dtype=np.float64)
    outcome = np.asarray(y, dtype=np.float64)
    labels = tuple(names) if names is not None else tuple(f"x{i}" for i in range(design.shape[1]))
    codes = np.unique(np.asarray(clusters), return_inverse=True)[1].reshape(-1)
    n_bad = int((~np.isfinite(design)).any(axis=1).sum() + (~np.isfinite(outcome)).sum())
    if n_bad:
        raise DesignError(f"{n_bad} rows hold missing or infinite values.", remedy="drop and count them first.")
    if weights is not None:
        root_weight = np.sqrt(np.asarray(weights, dtype=np.float64))
        design = design * root_weight[:, None]
        outcome = outcome * root_weight
    order = np.argsort(codes, kind="stable")
    design, outcome, codes = design[order], outcome[order], codes[order]
    _require_full_rank(design, labels)
    q, r = np.linalg.qr(design)
    root = linalg.solve_triangular(r, np.eye(len(r)))
    coefficients = root @ (q.T @ outcome)
    starts = np.flatnonzero(np.diff(codes, prepend=-1, append=codes[-1] + 1)).astype(np.int64)
    return ClusterFit(
        names=labels,
        coefficients=coefficients,
        x=design,
        y=outcome,
        residuals=outcome - design @ coefficients,
        starts=starts,
        n_params=design.shape[1] + extra_params,
        q=q,
        root=root,
    )


def _require_full_rank(design: Array, names: tuple[str, ...]) -> None:
    """Raise with the names of the columns that repeat what the others say."""
    n_rows, n_columns = design.shape
    norms = np.linalg.norm(design, axis=0)
    flat = [name for name, norm in zip(names, norms, strict=True) if norm == 0]
    if flat:
        redundant = flat
    elif n_rows < n_columns:
        raise DesignError(
            f"{n_rows} rows cannot determine {n_columns} coefficients.", remedy="use fewer covariates or more rows."
        )
    else:
        r, pivots = linalg.qr(design / norms, mode="r", pivoting=True)
        small = np.abs(np.diag(r)) < 1e-9
        redundant = [names[i] for i in np.asarray(pivots)[small]]
    if redundant:
        # A category's level may be a free answer, so only its column is named.
        columns = dict.fromkeys(name.split("[")[0] for name in redundant)
        raise DesignError(
            f"{len(redundant)} of {n_columns} columns of the model add nothing to the others: {', '.join(columns)}.",
            remedy="leave out a column of each such set; what is constant within a unit is already adjusted for "
            "by its fixed effect.",
        )


def cluster_robust_covariance(fit: ClusterFit, kind: Kind = "CR2") -> Array:
    r"""Covariance matrix of the coefficients, robust to dependence within clusters.

    Parameters
    ----------
    fit : ClusterFit
        The fit.
    kind : {"CR1", "CR2", "CR3"}
        ``CR1``: the sandwich times ``G/(G-1) * (N-1)/(N-K)`` (Stata's form; K is ``fit.n_params``; with one row a
        cluster it is HC1). ``CR2``: residuals of cluster g multiplied by :math:`(I-H_{gg})^{-1/2}`, unbiased if errors
        are independent with equal variances (Bell & McCaffrey 2002). ``CR3``: multiplied by :math:`(I-H_{gg})^{-1}`,
        the leave-one-cluster-out jackknife about the full estimate, without a factor ``(G-1)/G``.

    Returns
    -------
    numpy.ndarray
        Shape (columns, columns).

    Raises
    ------
    DesignError
        If there are fewer than two clusters.

    Examples
    --------
    >>> fit = cluster_fit([[1.], [1.], [1.], [1.]], [1, 2, 2, 4], ["a", "a", "b", "b"])
    >>> cluster_robust_covariance(fit, "CR2").round(4)
    array([[0.5625]])
    """
    if fit.n_clusters < 2:
        raise DesignError("There is one cluster.", remedy="a cluster-robust standard error needs several.")
    if kind == "CR1":
        g, n = fit.n_clusters, fit.n_rows
        scale = g / (g - 1) * (n - 1) / (n - fit.n_params)
        scores = fit.scores
    else:
        scale = 1.0
        scores = np.einsum("gij,gj->gi", fit.adjustment(-0.5 if kind == "CR2" else -1.0), fit.scores)
    half = scores @ fit.root.T
    return np.asarray(scale * half.T @ half)


def _working_moments(fit: ClusterFit, contrasts: Array) -> tuple[Array, Array]:
    """``N_g`` and ``U_g`` with covariance ``[g = h] N_g - U_g' U_h`` of the CR2 scores of the contrasts."""
    direction = fit.root.T @ contrasts.T
    adjusted = fit.adjustment(-0.5) @ direction
    reached = fit.gram() @ adjusted
    return np.einsum("gps,gpt->gst", adjusted, reached), reached


def satterthwaite_df(fit: ClusterFit, contrast: npt.ArrayLike) -> float:
    """Degrees of freedom of a CR2 t test (Bell & McCaffrey 2002, working model of independent equal-variance errors).

    Parameters
    ----------
    fit : ClusterFit
        The fit.
    contrast : array_like
        Weights of the coefficients, shape (columns,).

    Returns
    -------
    float
        ``2 E[V]^2 / Var[V]`` of the CR2 variance V of the contrast.

    Examples
    --------
    >>> fit = cluster_fit([[1.], [1.], [1.]], [1, 2, 4], ["a", "b", "c"])
    >>> round(satterthwaite_df(fit, [1.0]), 6)
    2.0
    """
    own, reached = _working_moments(fit, np.atleast_2d(np.asarray(contrast, dtype=np.float64)))
    n, u = own[:, 0, 0], reached[:, :, 0]
    length = (u**2).sum(axis=1)
    cross = u.T @ u
    mean = (n - length).sum()
    return float(mean**2 / ((n**2 - 2 * n * length).sum() + (cross**2).sum()))


def hotelling_test(fit: ClusterFit, contrasts: npt.ArrayLike) -> HotellingTest:
    """Test that several contrasts are all zero, by CR2 and an approximate Hotelling T-squared distribution.

    Parameters
    ----------
    fit : ClusterFit
        The fit.
    contrasts : array_like
        Shape (contrasts, columns).

    Returns
    -------
    HotellingTest
        F with q and ``eta - q + 1`` degrees of freedom ("HTZ" of Pustejovsky & Tipton 2018, section 3.2).

    Raises
    ------
    DesignError
        If the clusters are too few to test so many contrasts jointly.

    Examples
    --------
    >>> fit = cluster_fit([[1.], [1.], [1.]], [1, 2, 4], ["a", "b", "c"])
    >>> test = hotelling_test(fit, [[1.0]])
    >>> round(test.statistic, 3), round(test.df_denom, 3)
    (7.0, 2.0)
    """
    rows = np.atleast_2d(np.asarray(contrasts, dtype=np.float64))
    n_tested = len(rows)
    own, reached = _working_moments(fit, rows)
    mean = own.sum(axis=0) - np.einsum("gps,gpt->st", reached, reached)
    values, vectors = np.linalg.eigh(mean)
    too_few = DesignError(
        f"{fit.n_clusters} clusters are too few to test {n_tested} coefficients jointly.",
        remedy="test fewer coefficients, or read them one by one.",
    )
    if values[0] <= 1e-12 * values[-1]:
        raise too_few
    whiten = (vectors / np.sqrt(values)) @ vectors.T
    own = whiten @ own @ whiten
    reached = reached @ whiten
    cross = np.einsum("gps,gqt->stpq", reached, reached)
    length = np.einsum("gps,gpt->gst", reached, reached)
    diag_n, diag_u = np.einsum("gss->gs", own), np.einsum("gss->gs", length)
    same = diag_n.T @ diag_n - diag_n.T @ diag_u - diag_u.T @ diag_n + (cross**2).sum(axis=(2, 3))
    swapped = (own**2 - 2 * own * length).sum(axis=0) + np.einsum("stpq,stqp->st", cross, cross)
    eta = n_tested * (n_tested + 1) / float((same + swapped).sum())
    df_denom = eta - n_tested + 1
    if df_denom <= 0:
        raise too_few
    estimate = rows @ fit.coefficients
    covariance = rows @ cluster_robust_covariance(fit, "CR2") @ rows.T
    wald = float(estimate @ np.linalg.solve(covariance, estimate))
    statistic = df_denom / (eta * n_tested) * wald
    return HotellingTest(
        statistic=statistic,
        df_num=float(n_tested),
        df_denom=df_denom,
        p_value=float(special.fdtrc(n_tested, df_denom, statistic)),
    )


def t_interval(
    estimate: float, std_error: float, df: float, conf_level: float = 0.95
) -> tuple[float, float, float, float]:
    """Give the t statistic, two-sided p value and interval.

    Parameters
    ----------
    estimate, std_error, df : float
        The estimate, its standard error and degrees of freedom.
    conf_level : float
        Level of the interval.

    Returns
    -------
    tuple of float
        ``statistic, p_value, conf_low, conf_high``.

    Examples
    --------
    >>> [round(v, 3) for v in t_interval(2.0, 1.0, 10.0)]
    [2.0, 0.073, -0.228, 4.228]
    """
    statistic = estimate / std_error
    half = float(special.stdtrit(df, 0.5 + conf_level / 2)) * std_error
    return statistic, float(2 * special.stdtr(df, -abs(statistic))), estimate - half, estimate + half
