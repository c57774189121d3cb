"""When each unit's programme began, read from who was treated when."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from belonging_study.errors import ArmConflictError, DesignError

__all__ = ["programme_start"]

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def _ever(unit: IntArray, cluster: IntArray, on: Array, arm: Array | None, alike: bool) -> npt.NDArray[np.bool_]:
    """Whether each unit belongs to the programme group."""
    ever = np.zeros(unit.max() + 1, dtype=bool)
    if arm is None:
        # A student who left before the programme began still belongs to the school's arm.
        ever[unit] = np.isin(cluster, cluster[on == 1]) if alike else np.isin(unit, unit[on == 1])
        return ever
    ever[unit] = arm == 1
    n_changing = len(np.unique(unit[ever[unit] != (arm == 1)]))
    if n_changing:
        raise ArmConflictError(
            f"{n_changing} of {len(ever)} units are in the programme group in some rows and not in others.",
            remedy="the programme column must hold the arm, the same in every wave, not whether the programme runs.",
        )
    n_outside = len(np.unique(unit[(on == 1) & ~ever[unit]]))
    if n_outside:
        raise ArmConflictError(
            f"{n_outside} of {len(ever)} units are treated without being in the programme group.",
            remedy="correct the treatment column or the arm.",
        )
    return ever


def programme_start(
    unit: IntArray, wave: IntArray, cluster: IntArray, *, on: Array, arm: Array | None, n_waves: int
) -> IntArray:
    """First wave of each unit under the programme: everyone's, its cluster's or its own.

    Parameters
    ----------
    unit, wave, cluster : numpy.ndarray
        Codes from 0, shape (rows,); waves in their order.
    on : numpy.ndarray
        1 in rows where the programme is running, shape (rows,).
    arm : numpy.ndarray or None
        1 in rows of the programme group. Without it a unit belongs to the group if it is ever seen treated or, where
        all units of a cluster are treated alike in every wave, if its cluster is.
    n_waves : int
        Number of waves, given to units never in the programme.

    Returns
    -------
    numpy.ndarray
        Shape (units,). A unit that missed the first programme wave gets the start that all units, or those of its
        cluster, have in common.

    Raises
    ------
    ArmConflictError
        If a unit changes arm, or is treated outside the programme group.
    DesignError
        If the programme switches off again, or nobody or everybody has it.

    Examples
    --------
    >>> unit, wave = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    >>> programme_start(unit, wave, unit, on=np.array([0.0, 1, 0, 0]), arm=None, n_waves=2)
    array([1, 2])
    """
    first_here = np.full(cluster.max() + 1, n_waves, dtype=np.int64)
    np.minimum.at(first_here, cluster[on == 1], wave[on == 1])
    cell = cluster * n_waves + wave
    alike = bool(np.isin(np.bincount(cell, weights=on) / np.maximum(np.bincount(cell), 1), (0.0, 1.0)).all())
    ever = _ever(unit, cluster, on, arm, alike)
    own = np.full(len(ever), n_waves, dtype=np.int64)
    # A unit that missed the first programme wave has the start of the others, where they have one in common.
    for start in (np.full(len(unit), first_here.min()), first_here[cluster]):
        if not (ever[unit] & (on == 0) & (wave >= start)).any():
            own[unit] = np.where(ever[unit], start, n_waves)
            break
    else:
        if alike:
            own[unit] = first_here[cluster]
        else:
            np.minimum.at(own, unit[on == 1], wave[on == 1])
    off_again = (on == 0) & (wave >= own[unit])
    if off_again.any():
        raise DesignError(
            f"The programme switches off again, or differs within a wave, for {len(np.unique(unit[off_again]))} of "
            f"{len(own)} units.",
            remedy="code a unit as treated from its first wave under the programme, or leave out the later waves.",
        )
    _require_arms(own, n_waves)
    return own


def _require_arms(adoption: IntArray, n_waves: int) -> None:
    """Raise if nobody, or everybody, ever has the programme."""
    n_treated = int((adoption < n_waves).sum())
    if n_treated == 0:
        raise DesignError(
            f"None of the {len(adoption)} units ever has the programme.",
            remedy="check the treatment column: it must be 1 in programme units while the programme runs.",
        )
    if n_treated == len(adoption):
        raise DesignError(
            f"All {len(adoption)} units have the programme at some time, so none is left to compare with.",
            remedy="check the treatment column; if starts are staggered, leave out the waves from which everyone has "
            "the programme.",
        )
