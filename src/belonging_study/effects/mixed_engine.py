"""The one place that knows which library fits linear mixed models.

Everything else in the package sees a :class:`MixedFit`. The library is ``mixedlm``, held in the tests to lme4's
estimates; to replace it, write another :func:`fit_mixed` and another :func:`read_formula`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from belonging_study.errors import DesignError, ParameterError

__all__ = ["FormulaNames", "MixedFit", "RandomBlock", "build_design", "fit_mixed", "read_formula"]

Floats = NDArray[np.float64]

# Relative standard deviations below this count as zero, as in lme4's isSingular.
_SINGULAR_BELOW = 1e-4
# Relative standard deviations below this are fitted again without gradients, which vanish at a boundary.
_NEAR_BOUNDARY = 1e-2
_GRADIENT_TOLERANCE_PER_ROW = 1e-7
# Right-hand sides solved together when conditional variances are read off.
_COLUMNS_AT_ONCE = 128
# Central-difference steps for the relative covariance parameters, which are of order 0.1 to 1.
_GRADIENT_STEP = 1e-4
_HESSIAN_STEP = 5e-4


@dataclass(frozen=True)
class FormulaNames:
    """The column names that a formula uses, by their part in it."""

    outcome: str
    has_intercept: bool
    terms: tuple[tuple[str, ...], ...]
    random_terms: tuple[tuple[tuple[str, ...], ...], ...]
    grouping: tuple[tuple[str, ...], ...]

    @property
    def predictors(self) -> tuple[str, ...]:
        """Columns of the fixed and random terms, each once, in the formula's order."""
        names = [n for term in self.terms for n in term]
        names += [n for block in self.random_terms for term in block for n in term]
        return tuple(dict.fromkeys(names))

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the formula, each once."""
        return tuple(dict.fromkeys([self.outcome, *self.predictors, *(n for g in self.grouping for n in g)]))


@dataclass(frozen=True)
class RandomBlock:
    """Random effects of one ``( … | group)`` term.

    Attributes
    ----------
    group : str
        Grouping factor; ``school:class`` for class within school.
    terms : tuple of str
        Terms whose coefficients vary.
    cov : ndarray, shape (n_terms, n_terms)
        Their covariance, in squared units of the outcome.
    correlated : bool
        Whether the covariances were estimated (``|``) or fixed at zero (``||``).
    level_of_row : ndarray of int, shape (n_rows,)
        Position of each row's level.
    design : ndarray, shape (n_rows, n_terms)
        Values that multiply the random coefficients.
    effects : ndarray, shape (n_levels, n_terms)
        Conditional means of the random coefficients (BLUPs).
    """

    group: str
    terms: tuple[str, ...]
    cov: Floats
    correlated: bool
    level_of_row: NDArray[np.int64]
    design: Floats
    effects: Floats

    @property
    def n_levels(self) -> int:
        """Number of levels of the grouping factor."""
        return len(self.effects)


@dataclass(frozen=True)
class MixedFit:
    """A fitted linear mixed model, whatever library fitted it.

    Attributes
    ----------
    names : tuple of str
        Fixed effects, in the order of ``beta``.
    beta, vcov : ndarray
        Fixed effects and their covariance.
    theta : ndarray
        Lower triangles of the random effects' covariance factors relative to the residual, block after block.
    sigma : float
        Residual standard deviation.
    vcov_gradient : ndarray, shape (n_theta, p, p)
        Derivative of ``vcov`` along each element of ``theta``, the residual variance following its profile.
    theta_cov : ndarray, shape (n_theta, n_theta)
        Asymptotic covariance of ``theta``, twice the inverse Hessian of the profiled deviance.
    scale_df : int
        Denominator of the residual variance: rows less fixed effects under REML, rows under ML.
    """

    names: tuple[str, ...]
    beta: Floats
    vcov: Floats
    theta: Floats
    sigma: float
    log_likelihood: float
    blocks: tuple[RandomBlock, ...]
    singular: bool
    vcov_gradient: Floats
    theta_cov: Floats
    scale_df: int
    design: Floats
    outcome: Floats
    library_fit: Any = field(repr=False)

    def conditional_variances(self, block: RandomBlock) -> Floats:
        """Conditional variances of a block's random coefficients given the parameters, shape (n_levels, n_terms)."""
        start = 0
        for earlier in self.blocks:
            if earlier is block:
                break
            start += earlier.n_levels * len(earlier.terms)
        factor = sparse.csc_matrix(self.library_fit.getME("Lambda"))
        scaled = sparse.csc_matrix(self.library_fit.getME("Z")) @ factor
        size = scaled.shape[1]
        precision = sparse.csc_matrix(scaled.T @ scaled + sparse.eye(size))
        solver = splu(precision, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        # With A the precision and L the factor, the variance of coefficient i is sigma² (L A⁻¹ L')_ii.
        stop = start + block.n_levels * len(block.terms)
        rows = sparse.csr_matrix(factor)[start:stop]
        variances = np.empty(stop - start)
        for first in range(0, stop - start, _COLUMNS_AT_ONCE):
            part = rows[first : first + _COLUMNS_AT_ONCE].toarray().T
            variances[first : first + part.shape[1]] = np.einsum("ij,ij->j", part, solver.solve(part))
        return np.asarray(self.sigma**2 * variances.reshape(block.n_levels, len(block.terms)))

    def satterthwaite(self, weights: Floats) -> float:
        """Degrees of freedom of one linear combination of the fixed effects."""
        variance = float(weights @ self.vcov @ weights)
        # Along theta the residual variance follows its profile; across it, it varies by 2 / scale_df on its own.
        relative = np.einsum("i,kij,j->k", weights, self.vcov_gradient, weights) / variance
        return float(2.0 / (relative @ self.theta_cov @ relative + 2.0 / self.scale_df))


def read_formula(formula: str) -> FormulaNames:
    """Names in a formula of lme4's form, or an error that shows the form."""
    from mixedlm import parse_formula
    from mixedlm.formula.terms import InteractionTerm, InterceptTerm, PowerTerm

    try:
        parsed = parse_formula(formula)
    except ValueError as error:
        raise ParameterError(
            f"the formula {formula!r} cannot be read: {error}",
            remedy="write it as in lme4, for example y ~ programme*post + (1 + post | school) + (1 | student).",
        ) from error
    if parsed.response_denominator is not None or not parsed.random:
        raise ParameterError(
            f"the formula {formula!r} has " + ("no random effect" if parsed.random == () else "a ratio as its outcome"),
            remedy="a multilevel model needs one outcome and at least one term such as (1 | school).",
        )

    def columns_of(terms: tuple[Any, ...]) -> tuple[tuple[str, ...], ...]:
        found: list[tuple[str, ...]] = []
        for term in terms:
            if isinstance(term, InterceptTerm):
                continue
            names = term.source_variables if isinstance(term, InteractionTerm) else (term.name,)
            if isinstance(term, PowerTerm) or len(set(names)) != len(names):
                raise ParameterError(
                    f"the formula {formula!r} raises a column to a power",
                    remedy="make the power a column of its own and name that column.",
                )
            found.append(tuple(names))
        return tuple(found)

    return FormulaNames(
        outcome=parsed.response,
        has_intercept=parsed.fixed.has_intercept,
        terms=columns_of(parsed.fixed.terms),
        random_terms=tuple(columns_of(r.expr) for r in parsed.random),
        grouping=tuple(tuple(r.grouping_factors) for r in parsed.random),
    )


def fit_mixed(formula: str, frame: pd.DataFrame, *, reml: bool = True, max_iterations: int = 1000) -> MixedFit:
    """Fit the model to complete rows that have passed the checks of ``multilevel``.

    Raises
    ------
    DesignError
        The optimiser did not converge, or the design cannot be factorised.
    """
    from mixedlm import lmer, lmerControl
    from mixedlm.estimation.reml import LMMOptimizer

    def run(**choices: Any) -> Any:
        control = lmerControl(
            maxiter=max_iterations,
            check_conv=False,
            check_singular=False,
            check_nlev_gtreq_5="ignore",
            check_scaleX="ignore",
            check_rankX="ignore",
            **choices,
        )
        return lmer(formula, frame, REML=reml, na_action="fail", control=control)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The library's own stopping rule asks for more than rounding allows at a few thousand rows, and then
            # starts again without gradients: five times the time for the same optimum. Near a boundary that is right.
            gradient_tolerance = _GRADIENT_TOLERANCE_PER_ROW * len(frame)
            fit = run(optimizer="L-BFGS-B", use_analytic_gradient=True, gtol=gradient_tolerance, ftol=1e-15)
            if not fit.converged or fit.isSingular(tol=_NEAR_BOUNDARY):
                fit = run()
    except (RuntimeError, np.linalg.LinAlgError) as error:
        raise _not_converged(formula, "the likelihood could not be evaluated") from error
    if not fit.converged:
        raise _not_converged(formula, f"the optimiser stopped after {fit.function_evals} evaluations")

    optimizer = LMMOptimizer(fit.matrices, REML=reml)

    def vcov_at(theta: Floats) -> Floats:
        # No public function of the library gives both the information and the profiled scale away from the optimum.
        core = optimizer._evaluate_core(theta)
        if core is None:
            raise _not_converged(formula, "the likelihood has no curvature at its maximum")
        return np.asarray(core.sigma**2 * np.linalg.inv(core.fixed_information), dtype=np.float64)

    theta = np.asarray(fit.theta, dtype=np.float64)
    level_names = _level_names(frame)
    return MixedFit(
        names=_rename(fit.matrices.fixed_names, level_names),
        beta=np.asarray(fit.beta, dtype=np.float64),
        vcov=np.asarray(fit.vcov(), dtype=np.float64),
        theta=theta,
        sigma=float(fit.sigma),
        log_likelihood=float(fit.logLik()),
        blocks=_blocks(fit, level_names),
        singular=bool(fit.isSingular(tol=_SINGULAR_BELOW)),
        vcov_gradient=_gradient(vcov_at, theta),
        theta_cov=_inverse_curvature(optimizer.objective, theta),
        scale_df=int(fit.matrices.n_obs - (fit.matrices.n_fixed if reml else 0)),
        design=np.asarray(fit.matrices.X, dtype=np.float64),
        outcome=np.asarray(fit.matrices.y, dtype=np.float64),
        library_fit=fit,
    )


def build_design(formula: str, frame: pd.DataFrame) -> tuple[Floats, tuple[str, ...]]:
    """Fixed-effects design and its terms before the fit, so that its faults can be named in our own words."""
    from mixedlm import parse_formula
    from mixedlm.matrices.design import build_fixed_matrix

    parsed = parse_formula(formula)
    matrix, names = build_fixed_matrix(parsed, frame)
    return np.asarray(matrix, dtype=np.float64), _rename(names, _level_names(frame))


def _rename(names: Iterable[str], level_names: dict[str, str]) -> tuple[str, ...]:
    """Terms with each factor's dummies named by level."""
    return tuple(":".join(level_names.get(part, part) for part in name.split(":")) for name in names)


def _not_converged(formula: str, how: str) -> DesignError:
    """The error for a fit that cannot be used."""
    return DesignError(
        f"the model {formula} did not converge: {how}",
        remedy="centre and rescale predictors of very different size, or take out a random effect with few rows.",
    )


def _level_names(frame: pd.DataFrame) -> dict[str, str]:
    """The library numbers the dummies of a factor (sex.1); R's way of naming them by level says more (sexgirl)."""
    names: dict[str, str] = {}
    for column in frame.columns:
        if isinstance(frame[column].dtype, pd.CategoricalDtype):
            for position, level in enumerate(frame[column].cat.categories):
                names[f"{column}.{position}"] = f"{column}{level}"
    return names


def _blocks(fit: Any, level_names: dict[str, str]) -> tuple[RandomBlock, ...]:
    """The library's random-effect structures as our own."""
    matrices = fit.matrices
    covs = [group.cov for group in fit.VarCorr().groups.values()]
    blocks: list[RandomBlock] = []
    start = 0
    for structure, cov in zip(matrices.random_structures, covs, strict=True):
        levels, n_terms = int(structure.n_levels), int(structure.n_terms)
        stop = start + levels * n_terms
        level_of_row = np.asarray(structure.level_indices, dtype=np.int64)
        rows = np.arange(len(level_of_row))
        part = matrices.Z[:, start:stop].tocsr()
        design = np.column_stack([np.asarray(part[rows, level_of_row * n_terms + j]).ravel() for j in range(n_terms)])
        blocks.append(
            RandomBlock(
                group=str(structure.grouping_factor),
                terms=_rename(structure.term_names, level_names),
                cov=np.asarray(cov, dtype=np.float64),
                correlated=bool(structure.correlated),
                level_of_row=level_of_row,
                design=design,
                effects=np.asarray(fit.u[start:stop], dtype=np.float64).reshape(levels, n_terms),
            )
        )
        start = stop
    return tuple(blocks)


def _gradient(function: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Central differences along each coordinate."""
    steps = np.eye(len(at)) * _GRADIENT_STEP
    return np.array([(function(at + step) - function(at - step)) / (2.0 * _GRADIENT_STEP) for step in steps])


def _inverse_curvature(deviance: Callable[[Floats], float], at: Floats) -> Floats:
    """Twice the inverse Hessian of the deviance, over the directions in which it curves."""
    k = len(at)
    steps = np.eye(k) * _HESSIAN_STEP
    centre = deviance(at)
    hessian = np.zeros((k, k))
    for i in range(k):
        hessian[i, i] = deviance(at + steps[i]) - 2.0 * centre + deviance(at - steps[i])
    for i, j in combinations(range(k), 2):
        hessian[i, j] = hessian[j, i] = 0.25 * (
            deviance(at + steps[i] + steps[j])
            - deviance(at + steps[i] - steps[j])
            - deviance(at - steps[i] + steps[j])
            + deviance(at - steps[i] - steps[j])
        )
    values, vectors = np.linalg.eigh(hessian / _HESSIAN_STEP**2)
    # At the edge of the parameter space a direction may not curve at all; the vcov does not move along it either.
    curved = values > 1e-8 * max(1.0, float(values.max(initial=0.0)))
    return np.asarray(2.0 * (vectors[:, curved] / values[curved]) @ vectors[:, curved].T)
