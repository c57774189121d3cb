"""How numbers and labels are written: by the conventions of the columns' names, in tables and in sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

__all__ = [
    "DASH",
    "bounds",
    "capital",
    "count",
    "decimals_for",
    "inside",
    "interval",
    "listed",
    "number",
    "p_value",
    "prettify",
    "share",
]

MINUS = "\u2212"
THIN = "\u202f"  # narrow no-break space between thousands
DASH = "\u2013"

_HEADINGS = {
    "alpha": "α",
    "cronbach_alpha": "Alpha",
    "mcdonald_omega": "Omega",
    "omega": "Omega",
    "p_value": "p",
    "p_adjusted": "Adjusted p",
    "std_error": "SE",
    "sd": "SD",
    "sem": "SEM",
    "df": "df",
    "n": "n",
    "icc": "ICC",
    "n_students": "Students",
    "n_rows": "Rows",
    "n_clusters": "Clusters",
    "n_clusters_treated": "Clusters, programme",
    "n_clusters_comparison": "Clusters, comparison",
    "n_items": "Items",
    "n_missing": "Missing",
    "n_complete": "Complete answers",
    "effect_size": "Effect size",
    "effect_size_type": "Kind of effect size",
    "floor_share": "At the lowest score",
    "ceiling_share": "At the highest score",
    "rmsea": "RMSEA",
    "srmr": "SRMR",
    "cfi": "CFI",
    "tli": "TLI",
}


def number(value: float, decimals: int = 2, *, leading_zero: bool = True) -> str:
    """Write a number with a real minus sign and thin spaces between thousands.

    Parameters
    ----------
    value : float
        Missing values become an en dash.
    decimals : int, default 2
        Digits after the point.
    leading_zero : bool, default True
        False for figures that cannot exceed 1, as the American Psychological Association's manual asks.

    Returns
    -------
    str
        The text; never a negative zero.

    Examples
    --------
    >>> number(-0.126), number(0.87, leading_zero=False), number(1234.5, 1), number(-0.001)
    ('−0.13', '.87', '1\u202f234.5', '0.00')
    """
    if pd.isna(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    text = f"{abs(value):,.{decimals}f}"
    negative = value < 0 and float(text.replace(",", "")) != 0
    if not leading_zero and text.startswith("0."):
        text = text[1:]
    return (MINUS if negative else "") + text.replace(",", THIN)


def count(value: float) -> str:
    """Write a count.

    Parameters
    ----------
    value : float
        A whole number; missing values become an en dash.

    Returns
    -------
    str
        With thin spaces between thousands.

    Examples
    --------
    >>> count(1203)
    '1\u202f203'
    """
    return number(value, 0)


def p_value(value: float) -> str:
    """Write a p-value.

    Parameters
    ----------
    value : float
        Between 0 and 1.

    Returns
    -------
    str
        Three decimals without the leading zero; below .001 only that.

    Examples
    --------
    >>> p_value(0.042), p_value(0.00004), p_value(1.0)
    ('.042', '< .001', '1.000')
    """
    if not pd.isna(value) and value < 0.001:
        return "< .001"
    return number(value, 3, leading_zero=False)


def share(value: float, decimals: int = 1) -> str:
    """Write a share as per cent.

    Parameters
    ----------
    value : float
        Between 0 and 1.
    decimals : int, default 1
        Digits after the point.

    Returns
    -------
    str
        With the sign.

    Examples
    --------
    >>> share(0.4321), share(1, 0)
    ('43.2%', '100%')
    """
    return DASH if pd.isna(value) else number(100 * value, decimals) + "%"


def decimals_for(*values: float) -> int:
    """Digits after the point that show an estimate and its bounds sensibly.

    Parameters
    ----------
    *values : float
        The numbers that are written alike; missing ones do not count.

    Returns
    -------
    int
        Two as a rule; three where every number is below 0.1; fewer for large numbers.

    Examples
    --------
    >>> decimals_for(0.12, 0.03, 0.21), decimals_for(0.012, 0.003, 0.021), decimals_for(34.1, 20, 48)
    (2, 3, 1)
    """
    known = [abs(float(v)) for v in values if not pd.isna(v) and math.isfinite(v)]
    largest = max(known, default=0.0)
    if largest >= 1000:
        return 0
    if largest >= 10:
        return 1
    return 3 if 0 < largest < 0.1 else 2


def interval(estimate: float, low: float, high: float) -> str:
    """Write an estimate with its interval.

    Parameters
    ----------
    estimate, low, high : float
        In one unit.

    Returns
    -------
    str
        Written with the same number of decimals throughout.

    Examples
    --------
    >>> interval(0.12, 0.03, 0.21)
    '0.12 [0.03, 0.21]'
    """
    decimals = decimals_for(estimate, low, high)
    return f"{number(estimate, decimals)} {bounds(low, high, decimals)}"


def bounds(low: float, high: float, decimals: int, *, leading_zero: bool = True) -> str:
    """Write an interval in square brackets.

    Parameters
    ----------
    low, high : float
        In one unit; where both are missing, an en dash.
    decimals : int
        Digits after the point.
    leading_zero : bool, default True
        As in :func:`number`.

    Returns
    -------
    str
        The text.

    Examples
    --------
    >>> bounds(0.03, 0.21, 2)
    '[0.03, 0.21]'
    """
    if pd.isna(low) and pd.isna(high):
        return DASH
    first, second = (number(v, decimals, leading_zero=leading_zero) for v in (low, high))
    return f"[{first}, {second}]"


def prettify(column: str) -> str:
    """Turn a column's name into a heading.

    Parameters
    ----------
    column : str
        Name as in the CSV files.

    Returns
    -------
    str
        The heading.

    Examples
    --------
    >>> prettify("n_students"), prettify("std_error"), prettify("link_rate")
    ('Students', 'SE', 'Link rate')
    """
    if column in _HEADINGS:
        return _HEADINGS[column]
    text = re.sub(r"^n_", "", column).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def inside(label: str) -> str:
    """Write a label as it stands inside a sentence.

    Parameters
    ----------
    label : str
        A label of the study.

    Returns
    -------
    str
        With a small first letter, unless it begins with an abbreviation.

    Examples
    --------
    >>> inside("Belonging uncertainty"), inside("PISA belonging"), inside("A-level marks"), inside("Well-being")
    ('belonging uncertainty', 'PISA belonging', 'A-level marks', 'well-being')
    """
    first, _, rest = label.partition(" ")
    is_word = (first[1:].islower() and first[1:2].isalpha()) or (len(first) == 1 and bool(rest))
    return label[:1].lower() + label[1:] if is_word else label


def capital(text: str) -> str:
    """Write a text as it stands at the start of a sentence.

    Examples
    --------
    >>> capital("days absent")
    'Days absent'
    """
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Join names by commas and a last word.

    Parameters
    ----------
    names : sequence of str
        At least one.
    joint : str, default "and"
        The last word.

    Returns
    -------
    str
        The list.

    Examples
    --------
    >>> listed(["marks"]), listed(["marks", "belonging", "absence"], joint="or")
    ('marks', 'marks, belonging or absence')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {joint} {names[-1]}"
