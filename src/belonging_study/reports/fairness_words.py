"""In plain words: whether a score means the same to those whom a report compares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from belonging_study.reports.formatting import capital, decimals_for, inside, listed, number
from belonging_study.reports.readings import value_of
from belonging_study.reports.sample_cautions import records
from belonging_study.scales.verdicts import items_in, name_of
from belonging_study.study.model import Scale, Study, Wave

__all__ = ["fairness_caption", "fairness_cautions", "fairness_sentences", "fairness_summary"]

_MOST_NAMED = 3  # items that a sentence names


_WORDS = {"freed": "", "how": "", "note": ""}


def fairness_sentences(
    study: Study, verdicts: pd.DataFrame, gaps: pd.DataFrame | None = None, items: pd.DataFrame | None = None
) -> list[str]:
    """Say of each scale by what it may be compared, and what items that differ do to the differences.

    Parameters
    ----------
    study : Study
        The definition.
    verdicts, gaps, items : pandas.DataFrame
        As in `belonging_study.scales.Fairness`, after `suppress`; `gaps` and `items` may be absent.

    Returns
    -------
    list of str
        Per scale one sentence for all comparisons that hold, and one or more for every other.
    """
    said = []
    verdicts = verdicts.fillna(_WORDS)
    for name, mine in verdicts.groupby("scale", sort=False) if len(verdicts) else ():
        scale = study.scales[str(name)]
        held = [_by(study, str(c)) for c in mine.loc[mine["verdict"] == "holds", "comparison"]]
        if held:
            said.append(f"{scale.label} measures the same {listed(held)}: loadings and intercepts are alike.")
        for row in records(mine[mine["verdict"] != "holds"]):
            said.append(" ".join(_unlike(study, scale, row, _of(gaps, row), _of(items, row))))
    return said


def fairness_caption(study: Study, verdicts: pd.DataFrame, scales: Sequence[str], comparisons: Sequence[str]) -> str:
    """Say under a figure whether the scores in it may be compared.

    Parameters
    ----------
    study : Study
        The definition.
    verdicts : pandas.DataFrame
        As in `belonging_study.scales.Fairness`.
    scales : sequence of str
        The scales that the figure shows.
    comparisons : sequence of str
        What it compares: ``arm``, ``wave``, columns of groups.

    Returns
    -------
    str
        One sentence, or nothing where no scale is compared.
    """
    if verdicts.empty:
        return ""
    mine = verdicts[verdicts["scale"].isin(scales) & verdicts["comparison"].isin(comparisons)]
    if mine.empty:
        return ""
    said = []
    for verdict, words in (
        ("holds", "Measurement alike"),
        ("doubtful", "Alike by the indices of fit, and not by the chi-square test"),
        ("partial", "Alike save for single questions"),
        ("fails", "Not alike, so not to be compared"),
        ("not tested", "Not tested"),
    ):
        found = mine[mine["verdict"] == verdict]
        if len(found):
            said.append(f"{words}: {'; '.join(_about(study, found))}.")
    return " ".join(said)


def fairness_cautions(study: Study, wave: Wave, verdicts: pd.DataFrame) -> Iterator[str]:
    """Say which comparisons of scores the tests do not support, or that nobody has made them."""
    if not study.scales_in(wave.name):
        return
    if verdicts.empty:
        return
    for verdict, words in (
        (
            "fails",
            "too many questions work differently for a difference of scores to be one in what the scale measures",
        ),
        ("partial", "not all questions work alike; the measurement section gives the differences without those"),
        ("doubtful", "the questions work alike by the indices of fit, and not by the strictest test"),
        ("not tested", "whether the questions mean the same to all could not be tested"),
    ):
        found = verdicts[verdicts["verdict"] == verdict]
        if len(found):
            yield f"{capital(listed(_about(study, found)))}: {words}."
    if (verdicts["verdict"] == "holds").all():
        yield (
            "The scales passed the tests of equal loadings and intercepts in every comparison of this report; such "
            "tests find large differences between questions and may miss small ones."
        )


def fairness_summary(study: Study, verdicts: pd.DataFrame | None, gaps: pd.DataFrame | None = None) -> list[str]:
    """Say on the first page what concerns the primary outcomes: comparisons that need care, with their numbers."""
    if verdicts is None or verdicts.empty:
        return []
    primary = {o.measure for o in study.outcomes if o.role == "primary"} or set(study.scales)
    mine = verdicts[verdicts["scale"].isin(primary)].fillna(_WORDS)
    said = []
    for row in records(mine[mine["verdict"].isin(["partial", "fails"])]):
        scale = study.scales[str(row["scale"])]
        said.append(" ".join(_unlike(study, scale, row, _of(gaps, row), None)))
    held = mine[mine["verdict"] == "holds"]
    if len(held) and len(held) == len(mine):
        names = listed([inside(study.scales[s].label) for s in dict.fromkeys(map(str, held["scale"]))])
        by = listed(list(dict.fromkeys(_by(study, str(c)) for c in held["comparison"])))
        said.append(f"Questions on {names} worked alike {by}, so scores can be compared.")
    return said


def _of(table: pd.DataFrame | None, row: dict[str, Any]) -> pd.DataFrame | None:
    """The rows of one comparison."""
    if table is None or table.empty:
        return None
    mine: pd.DataFrame = table[(table["scale"] == row["scale"]) & (table["comparison"] == row["comparison"])]
    return mine


def _by(study: Study, comparison: str) -> str:
    """Where a comparison looks."""
    if comparison == "wave":
        return "over time"
    return "in both arms" if comparison == "arm" else f"by {inside(name_of(study, comparison))}"


def _about(study: Study, rows: pd.DataFrame) -> list[str]:
    """Each scale with what it is compared by."""
    return [
        f"{inside(study.scales[str(scale)].label)} {listed([_by(study, str(c)) for c in of['comparison']])}"
        for scale, of in rows.groupby("scale", sort=False)
    ]


def _unlike(
    study: Study, scale: Scale, row: dict[str, Any], gaps: pd.DataFrame | None, items: pd.DataFrame | None
) -> Iterator[str]:
    """What is to be said of a comparison that does not plainly hold."""
    label, by = scale.label, _by(study, str(row["comparison"]))
    if row["verdict"] == "not tested":
        why = str(row["note"]).split("; ")[0].rstrip(".")
        yield f"Whether {inside(label)} measures the same {by} could not be tested: {why}."
        return
    if row["verdict"] == "doubtful":
        yield (
            f"{label} measures about the same {by}: the indices of fit are within their limits, the chi-square test "
            "rejects, and no single question stands out."
        )
        return
    if row["verdict"] == "fails":
        yield (
            f"{label} does not measure the same {by}: too many questions work differently, so a difference of scores "
            "is not a difference in what the scale measures."
        )
        return
    yield _which(scale, row, by)
    if items is not None:
        yield from _how(items)
    if gaps is not None:
        for gap in records(gaps):
            yield from _gap(gap, len(items_in(str(row["freed"]))))


def _which(scale: Scale, row: dict[str, Any], by: str) -> str:
    """The questions that differ."""
    freed = items_in(str(row["freed"]))
    named = [f"“{scale.items[i]}” ({i})" if scale.items.get(i) else i for i in freed[:_MOST_NAMED]]
    more = len(freed) - len(named)
    names = listed([*named, *([f"{more} more"] if more else [])])
    found = "named in advance" if row["how"] == "named in advance" else "found by searching these data"
    one = len(freed) == 1
    return (
        f"{scale.label} measures the same {by} save for {'one question' if one else f'{len(freed)} questions'}, "
        f"{found}: {names}."
    )


def _how(items: pd.DataFrame) -> Iterator[str]:
    """In which direction each question differs."""
    for row in records(items.head(_MOST_NAMED)):
        bias = value_of(row, "bias")
        if pd.isna(bias) or not bias:
            continue
        more = "higher" if bias > 0 else "lower"
        yield (
            f"Of “{row['level']}”, {row['item']} is answered {number(abs(bias), decimals_for(bias))} points "
            f"{more} than of “{row['reference']}” with the same standing on the scale."
        )


def _gap(gap: dict[str, Any], n_items: int) -> Iterator[str]:
    """What the questions do to the difference of the scores."""
    raw, adjusted, bias = (value_of(gap, name) for name in ("raw_difference", "adjusted_difference", "bias"))
    if pd.isna(raw) or pd.isna(adjusted):
        yield "The differences of the scores are not shown, to protect a small group."
        return
    digits = decimals_for(raw, adjusted, bias)
    shown = [number(value, digits) for value in (raw, adjusted)]
    low, high = (number(value_of(gap, f"adjusted_conf_{end}"), digits) for end in ("low", "high"))
    yield (
        f"The mean score of “{gap['level']}” differs from that of “{gap['reference']}” by {shown[0]} points as scored; "
        f"{number(bias, digits)} of them come from {'this question' if n_items == 1 else 'these questions'}"
        f", and with questions that work alike the difference is {shown[1]} ({low} to {high})."
    )
