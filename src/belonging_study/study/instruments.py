"""The instrument library: keys, response forms, scoring and known structures of published scales.

Item wordings are left to the user where their rights do not allow us to print them, and what is not verified is asked.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import yaml

from belonging_study.errors import ParameterError
from belonging_study.study.instrument_model import Instrument
from belonging_study.study.names import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["instrument", "instrument_names", "instruments_table", "name_a_part"]


@cache
def instrument_names() -> tuple[str, ...]:
    """Return the names of the instruments in the library, sorted.

    Examples
    --------
    >>> "pssm" in instrument_names()
    True
    """
    folder = resources.files("belonging_study.study") / "instruments"
    return tuple(sorted(f.name.removesuffix(".yml") for f in folder.iterdir() if f.name.endswith(".yml")))


@cache
def instrument(name: str) -> Instrument:
    """Return what the library knows of an instrument.

    Parameters
    ----------
    name : str
        One of `instrument_names`; of an instrument with several conditions or forms also one of those, after a slash:
        ``"perts_elevate/teacher_caring"``.

    Returns
    -------
    Instrument
        Frozen. Of a condition or form, with everything that it shares with the others.

    Raises
    ------
    ParameterError
        If there is no such instrument, condition or form; the nearest name is offered.

    Examples
    --------
    >>> instrument("pssm").reverse
    ('pssm_03', 'pssm_06', 'pssm_09', 'pssm_12', 'pssm_16')
    >>> instrument("pisa_belonging/oecd_codes").labels[0]
    'Strongly agree'
    """
    whole, _, part = name.partition("/")
    if whole not in instrument_names():
        raise ParameterError(
            f"{name!r} is not in the instrument library ({', '.join(instrument_names())})"
            + nearest(whole, instrument_names()),
            remedy="`belonging-study instruments` lists what there is; a scale can also be written out in study.yml.",
        )
    found = _read(whole)
    if not part and not name.endswith("/"):
        return found
    if part not in found.parts:
        known = [f"{whole}/{one}" for one in found.parts]
        there = f"it has {', '.join(known)}" if known else f"it is one scale: {whole}"
        raise ParameterError(
            f"{name!r} is not in the instrument library; {there}" + nearest(name, known),
            remedy=f"`belonging-study instruments {whole}` shows it whole.",
        )
    return found.part(part)


@cache
def _read(name: str) -> Instrument:
    """Read one file of the library."""
    text = (resources.files("belonging_study.study") / "instruments" / f"{name}.yml").read_text(encoding="utf-8")
    return Instrument.model_validate({**yaml.safe_load(text), "name": name})


def name_a_part(found: Instrument) -> str:
    """Say that a study has to name one condition or form of an instrument that has several.

    Parameters
    ----------
    found : Instrument
        Whole, with parts.

    Returns
    -------
    str
        A sentence without its full stop.

    Examples
    --------
    >>> print(name_a_part(instrument("pisa_belonging")))
    pisa_belonging has forms that code the same answers in different ways; name that of your files: \
pisa_belonging/oecd_codes (numbers as in the OECD's files, 1 = strongly agree), \
pisa_belonging/rising_codes (numbers that rise with agreement, 4 = strongly agree)
    """
    listed = ", ".join(f"{found.name}/{name} ({part.title})" for name, part in found.parts.items())
    if found.conditions:
        return f"{found.name} has several conditions, each a scale of its own; name one: {listed}"
    return f"{found.name} has forms that code the same answers in different ways; name that of your files: {listed}"


def instruments_table() -> pd.DataFrame:
    """List the library, one row an instrument.

    Returns
    -------
    pandas.DataFrame
        ``name``, ``title``, ``version``, ``n_items`` and ``n_steps`` (missing where they are not known, or differ
        between conditions), ``rights`` (open, ask or terms), ``n_unverified`` (sentences on what is not verified),
        ``asked`` (the entries that a study has to give) and ``parts`` (names of its conditions or forms), the last two
        separated by commas.

    Examples
    --------
    >>> table = instruments_table().set_index("name")
    >>> int(table.loc["pssm", "n_items"]), int(table.loc["pssm", "n_steps"]), table.loc["pssm", "rights"]
    (18, 5, 'ask')
    """
    import pandas as pd

    rows = [_row(instrument(name)) for name in instrument_names()]
    return pd.DataFrame(rows).astype({"n_items": "Int64", "n_steps": "Int64"})


def _row(whole: Instrument) -> dict[str, object]:
    """One row of the table."""
    parts = [whole.part(name) for name in whole.parts] or [whole]
    n_items, n_steps = {len(part.items) or None for part in parts}, {part.n_steps for part in parts}
    return {
        "name": whole.name,
        "title": whole.title,
        "version": whole.version,
        "n_items": n_items.pop() if len(n_items) == 1 else None,
        "n_steps": n_steps.pop() if len(n_steps) == 1 else None,
        "rights": whole.rights_in_a_word,
        "n_unverified": len({sentence for part in parts for sentence in part.unverified}),
        "asked": ", ".join(dict.fromkeys(entry for part in parts for entry in part.asked)),
        "parts": ", ".join(whole.parts),
    }
