"""Which comparisons a study's design allows in a wave, and the rows that each rests on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from belonging_study.study import Outcome, Start, Study

__all__ = ["Contrast", "contrasts", "why_no_effects"]


@dataclass(frozen=True)
class Contrast:
    """One comparison.

    Attributes
    ----------
    name : str
        In words, as in the column ``contrast`` of the estimates.
    wave : str
        The wave whose report this is.
    waves : tuple of str
        The waves whose rows are used.
    before : tuple of str
        Those of them before the programme; empty where none precedes it.
    arms : tuple of str
        The programme arms that are compared with the comparison arm.
    main : bool
        True for the comparison of this wave, false for averages over several.
    """

    name: str
    wave: str
    waves: tuple[str, ...]
    before: tuple[str, ...]
    arms: tuple[str, ...]
    main: bool

    def rows(self, study: Study, scores: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of these waves and arms, with everything else as it is."""
        arms = {*study.design.assignment.arms} - {*study.design.assignment.programme} | {*self.arms}
        return scores[scores["wave"].isin(list(self.waves)) & scores["arm"].isin(arms)]


def contrasts(study: Study, outcome: Outcome, wave: str) -> Iterator[Contrast]:
    """Yield the comparisons for one outcome in one wave.

    Parameters
    ----------
    study : Study
        The definition.
    outcome : Outcome
        Only waves in which it was measured are used.
    wave : str
        The wave whose effects are wanted.

    Yields
    ------
    Contrast
        First this wave against the waves before the programme (or alone, where none precedes it), one for each
        programme arm; then, with several programme waves so far, their average. Without a comparison arm, this wave
        against the last one before the programme in which the outcome was measured, and nothing where there is none.
    """
    if wave in study.waves_before:
        return
    assignment = study.design.assignment
    measured = [w.name for w in study.waves_until(wave) if outcome in study.outcomes_in(w.name)]
    before = tuple(w for w in measured if w in study.waves_before)
    after = tuple(w for w in measured if w not in study.waves_before)
    labels = {w.name: w.label for w in study.waves}
    if assignment.comparison is None:
        if before:
            name = f"{labels[wave]} v {labels[before[-1]]}"
            yield Contrast(name, wave, (before[-1], wave), before[-1:], assignment.programme, main=True)
        return
    if not study.waves_before and not isinstance(assignment.starts, Start):
        yield Contrast(labels[wave], wave, (wave,), (), assignment.programme, main=True)
        return
    for arm in assignment.programme:
        tag = f", {study.arm_label(arm)}" if len(assignment.programme) > 1 else ""
        if isinstance(assignment.starts, Start):
            yield Contrast(f"all waves so far{tag}", wave, tuple(measured), tuple(measured[:1]), (arm,), main=True)
            continue
        if not before:
            continue
        against = "before" if len(before) > 1 else labels[before[0]]
        yield Contrast(f"{labels[wave]} v {against}{tag}", wave, (*before, wave), before, (arm,), main=True)
        if len(after) > 1:
            name = f"average of {len(after)} waves v {against}{tag}"
            yield Contrast(name, wave, (*before, *after), before, (arm,), main=False)


def why_no_effects(study: Study, wave: str) -> str:
    """Say why a wave has no estimate of the programme's effect (or, without a comparison arm, of a change).

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave.

    Returns
    -------
    str
        One sentence or two; empty where there is something to estimate.
    """
    one_group = study.design.assignment.comparison is None
    if wave in study.waves_before:
        what = "change" if one_group else "effect"
        return f"This wave is before the programme, so there is no {what} to estimate yet."
    if one_group and not study.waves_before:
        return "Everybody got the programme, and no wave precedes it: neither an effect nor a change can be estimated."
    return ""
