"""The student groups of ``study.yml``, under the labels that readers see."""

from __future__ import annotations

import pandas as pd

from belonging_study.data.coding.problems import are, listed
from belonging_study.data.flow.exclusions import as_text
from belonging_study.errors import UnknownLabelError
from belonging_study.study.model import Group

__all__ = ["label_group"]


def label_group(values: pd.Series, group: Group, *, where: str) -> pd.Series:
    """Give the values of a group's column their labels.

    Parameters
    ----------
    values : pandas.Series
        The column as text, missing where nothing is known.
    group : Group
        The group; without `values` every value is its own label.
    where : str
        The files, for the messages.

    Returns
    -------
    pandas.Series
        Labels, same index; missing stays missing. A value may be written as in the file or as its label, without
        regard to case.

    Raises
    ------
    UnknownLabelError
        If a value is not listed under the group; values are shown with their counts unless
        they look like free text or identifiers.

    Examples
    --------
    >>> group = Group(name="meals", label="Meals", column="meals", values={"yes": "Free meals", "no": "No free meals"})
    >>> label_group(pd.Series(["Yes", "no", None]), group, where="w1/roster.csv").tolist()
    ['Free meals', 'No free meals', nan]
    """
    texts = as_text(values)
    if not group.values:
        # A group made of a number, such as 1 for the chronically absent, is called by it.
        plain = texts if pd.api.types.is_numeric_dtype(values) else values.astype(object)
        return plain.where(texts != "")
    raw, labels = (as_text(pd.Series(list(part), dtype=object)) for part in (group.values, group.values.values()))
    known = dict(zip([*labels, *raw], [*group.values.values()] * 2, strict=True))
    unknown = texts[(texts != "") & ~texts.isin(set(known))]
    if len(unknown):
        shown = listed({str(value): int(n) for value, n in unknown.value_counts().items()})
        raise UnknownLabelError(
            f"{are(len(unknown), 'value')} not listed under the group {group.name}: {shown}.",
            where=f"{where}, column {group.column}",
            remedy="add them under `values:` of that group in study.yml, or correct them.",
        )
    return texts.map(known).astype(object)
