"""From wave to wave without an identifier: match the codes that students make themselves, errors allowed.

Students remember their answers imperfectly, so a code must be found again although a part of it has changed (Yurek,
Vasey & Havens, 2008; Schnell, Bachteler & Reiher, 2010). A wrong link is worse than none: it mixes two students. So
nothing is linked that could as well be somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from belonging_study.errors import DataError, ParameterError

__all__ = ["AMBIGUOUS", "NOT_LINKED", "NO_CODE", "NO_MATCH", "linked_reason", "match_codes"]

NO_CODE = "no code"
NO_MATCH = "no match"
AMBIGUOUS = "ambiguous"
NOT_LINKED = (NO_MATCH, AMBIGUOUS, NO_CODE)
"""Why a response is not linked."""

_Numbers = npt.NDArray[np.int64]


def linked_reason(changes: int) -> str:
    """Say why two codes are taken for one student's.

    Parameters
    ----------
    changes : int
        Parts that do not agree.

    Returns
    -------
    str

    Examples
    --------
    >>> [linked_reason(changes) for changes in range(3)]
    ['identical code', '1 part differs', '2 parts differ']
    """
    return "identical code" if changes == 0 else f"{changes} part{' differs' if changes == 1 else 's differ'}"


def match_codes(
    earlier: pd.DataFrame,
    later: pd.DataFrame,
    *,
    parts: Sequence[str],
    verify: Sequence[str] = (),
    maximum_changes: int = 1,
    within: str = "school",
) -> pd.DataFrame:
    """Link the rows of a wave to the persons known from earlier waves, by codes that students made themselves.

    Parameters
    ----------
    earlier : pandas.DataFrame
        What earlier waves know: ``person`` (any label), the column of `within`, of `parts` and of `verify`. A person
        whose code was given in several forms has several rows; the nearest form counts.
    later : pandas.DataFrame
        One row a response of the wave, with the same columns except ``person``; its index comes back.
    parts : sequence of str
        The parts of the code. Values are compared as they are, so bring them into one form before.
    verify : sequence of str
        Fields that cannot change. A link needs them to agree wherever both sides know them; they do not count as parts.
    maximum_changes : int
        Parts that may differ in a link; fewer than there are parts.
    within : str
        Codes are compared only where this column (the school) is the same.

    Returns
    -------
    pandas.DataFrame
        Index of `later`: ``person`` (missing where not linked), ``link_reason`` (see `linked_reason`, else `NO_CODE`,
        `NO_MATCH` or `AMBIGUOUS`) and ``link_quality`` (missing where not linked): the estimated probability, 0 to 1,
        that nobody else whom the earlier waves know in that school would have come as near by chance.

    Raises
    ------
    ParameterError
        If there is no part, or `maximum_changes` leaves none that must agree.
    DataError
        If a person is in two schools, or has no label.

    Notes
    -----
    The distance of two codes is the number of parts that do not agree. A missing part can confirm nothing and
    counts as one that differs; a row without a school or any part is `NO_CODE`. Distances are taken in order: first
    all pairs at distance 0, then at 1, and so on. At each, a pair is linked only if neither its row nor its person is
    in another such pair; rows and persons of all other pairs are ambiguous, stay unlinked, and take no further part. So
    the result is one to one and does not depend on the order of rows.

    ``link_quality`` is ``exp(-expected)``, where ``expected`` is the number of the other persons times the chance
    that one of them agrees in the known verified fields and differs in no more parts than this link. As in the
    agreement weights of Fellegi & Sunter (1969), agreeing by chance in a value is as likely as the value is
    frequent in that school, and parts are taken as independent.

    Pairs are found by hashing codes with up to `maximum_changes` parts left out, so that time grows with the number of
    rows, not of pairs.

    References
    ----------
    Fellegi, I. P., & Sunter, A. B. (1969). A theory for record linkage. *Journal of the American Statistical
    Association*, 64, 1183-1210.
    Yurek, L. A., Vasey, J., & Sullivan Havens, D. (2008). The use of self-generated identification codes in
    longitudinal research. *Evaluation Review*, 32, 435-452.
    Schnell, R., Bachteler, T., & Reiher, J. (2010). Improving the use of self-generated identification codes.
    *Evaluation Review*, 34, 391-418.
    Direnga, J., Timmermann, D., Lund, J., & Kautz, C. (2016). Design and application of self-generated identification
    codes (SGICs) for matching longitudinal data. *44th SEFI Annual Conference*.
    Vacek, J., Vonkova, H., & Gabrhelik, R. (2017). A successful strategy for linking anonymous data from students' and
    parents' questionnaires using self-generated identification codes. *Prevention Science*, 18, 450-458.

    Examples
    --------
    >>> earlier = pd.DataFrame({"person": [1, 2, 3], "school": "north", "pet": ["rex", "tom", "tom"],
    ...                         "month": ["05", "11", "12"], "street": ["a", "k", "k"]})
    >>> later = pd.DataFrame({"school": "north", "pet": ["rex", "tom", "joe"], "month": ["05", "10", "01"],
    ...                       "street": ["b", "k", "m"]})
    >>> match_codes(earlier, later, parts=["pet", "month", "street"])[["person", "link_reason"]].values.tolist()
    [[1, '1 part differs'], [nan, 'ambiguous'], [nan, 'no match']]
    """
    if not 0 <= maximum_changes < len(parts):
        raise ParameterError(
            f"A code of {len(parts)} parts of which {maximum_changes} may differ links anybody to anybody.",
            remedy="let fewer parts differ than the code has.",
        )
    if earlier["person"].isna().any():
        raise DataError(f"{int(earlier['person'].isna().sum())} rows of earlier waves have no person.")
    person, labels = pd.factorize(earlier["person"].to_numpy(dtype=object))
    columns = [_numbers(earlier[name], later[name]) for name in (within, *parts, *verify)]
    (old_school, new_school), of_parts, of_verify = columns[0], columns[1 : len(parts) + 1], columns[len(parts) + 1 :]
    old = _Side(old_school, _stacked([o for o, _ in of_parts], len(earlier)), person)
    new = _Side(new_school, _stacked([n for _, n in of_parts], len(later)), np.arange(len(later)))
    _require_one_school(old, len(labels))
    known = np.full((len(labels), len(verify)), -1)
    np.maximum.at(known, person, _stacked([o for o, _ in of_verify], len(earlier)))
    asked = _stacked([n for _, n in of_verify], len(later))
    partner, changes = _matched(old, new, known, asked, maximum_changes)
    linked = partner >= 0
    reasons = np.full(len(later), NO_MATCH, dtype=object)
    reasons[changes >= 0] = AMBIGUOUS
    reasons[(new.school < 0) | (new.parts < 0).all(axis=1)] = NO_CODE
    reasons[linked] = [linked_reason(int(k)) for k in changes[linked]]
    quality = np.full(len(later), np.nan)
    quality[linked] = _quality(old, new, columns, len(parts), changes)[linked]
    out = pd.DataFrame({"person": np.append(labels.astype(object), np.nan)[partner]}, index=later.index)
    return out.assign(link_reason=reasons, link_quality=quality)


@dataclass(frozen=True)
class _Side:
    """Codes as numbers, -1 where missing: ``school`` (rows,), ``parts`` (rows, parts), ``owner`` (rows,)."""

    school: _Numbers
    parts: _Numbers
    owner: _Numbers


def _numbers(old: pd.Series, new: pd.Series) -> tuple[_Numbers, _Numbers]:
    """Number the values of a column alike on both sides."""
    codes, _ = pd.factorize(np.concatenate([old.to_numpy(dtype=object), new.to_numpy(dtype=object)]))
    numbers = codes.astype(np.int64)
    return numbers[: len(old)], numbers[len(old) :]


def _stacked(columns: Sequence[_Numbers], n: int) -> _Numbers:
    return np.column_stack(columns) if columns else np.empty((n, 0), dtype=np.int64)


def _require_one_school(old: _Side, n_persons: int) -> None:
    first = np.full(n_persons, -2)
    first[old.owner[::-1]] = old.school[::-1]
    n = len(np.unique(old.owner[first[old.owner] != old.school]))
    if n:
        raise DataError(f"{n} of {n_persons} persons known from earlier waves are in more than one school.")


def _matched(old: _Side, new: _Side, known: _Numbers, asked: _Numbers, maximum: int) -> tuple[_Numbers, _Numbers]:
    """Each row's person, -1 for none, and the distance at which it found one or several, -1 for none."""
    partner, changes = np.full(len(asked), -1), np.full(len(asked), -1)
    free = np.ones(len(known), dtype=bool)
    old_tokens, new_tokens = _tokens(old, new)
    for k in range(maximum + 1):
        found = [np.empty((0, 2), dtype=np.int64)]
        for left_out in combinations(range(new.parts.shape[1]), k):
            kept = [j for j in range(new.parts.shape[1]) if j not in left_out]
            ours = np.flatnonzero((changes < 0) & (new.school >= 0) & (new.parts[:, kept] >= 0).all(axis=1))
            theirs = np.flatnonzero(free[old.owner] & (old.parts[:, kept] >= 0).all(axis=1))
            at, to = _same_keys(
                new_tokens[ours][:, [0, *(j + 1 for j in kept)]].sum(axis=1),
                old_tokens[theirs][:, [0, *(j + 1 for j in kept)]].sum(axis=1),
            )
            rows, forms = ours[at], theirs[to]
            a, b = asked[rows], known[old.owner[forms]]
            agree = ((a == b) | (a < 0) | (b < 0)).all(axis=1)
            # Two codes may share a sum by chance.
            agree &= (new.parts[rows][:, kept] == old.parts[forms][:, kept]).all(axis=1)
            agree &= new.school[rows] == old.school[forms]
            found.append(np.column_stack([rows[agree], old.owner[forms[agree]]]))
        pairs = np.unique(np.concatenate(found), axis=0)
        row, person = pairs[:, 0], pairs[:, 1]
        alone = (np.bincount(row, minlength=len(asked))[row] == 1) & (
            np.bincount(person, minlength=len(known))[person] == 1
        )
        changes[row], free[person] = k, False
        partner[row[alone]] = person[alone]
    return partner, changes


def _tokens(old: _Side, new: _Side) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """A random number for each value of the school and of each part: a code is the sum of its values'."""
    rng = np.random.default_rng(0)  # any numbers do; the same ones each time
    tables = []
    for a, b in zip((old.school, *old.parts.T), (new.school, *new.parts.T), strict=True):
        token = rng.integers(2**64 - 1, size=max(a.max(initial=-1), b.max(initial=-1)) + 2, dtype=np.uint64)
        tables.append((token[a], token[b]))
    return np.column_stack([t for t, _ in tables]), np.column_stack([t for _, t in tables])


def _same_keys(ours: npt.NDArray[np.uint64], theirs: npt.NDArray[np.uint64]) -> tuple[_Numbers, _Numbers]:
    """Positions of every pair with one key."""
    order = np.argsort(theirs, kind="stable")
    sorted_keys = theirs[order]
    first = np.searchsorted(sorted_keys, ours, side="left")
    n = np.searchsorted(sorted_keys, ours, side="right") - first
    at = np.repeat(np.arange(len(ours)), n)
    within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
    return at, order[np.repeat(first, n) + within]


def _quality(
    old: _Side, new: _Side, columns: Sequence[tuple[_Numbers, _Numbers]], n_parts: int, changes: _Numbers
) -> npt.NDArray[np.float64]:
    """The chance that nobody else in the school comes as near, for each later row with a school."""
    school = np.concatenate([old.school, new.school])
    n_schools = school.max(initial=-1) + 2  # with one for those who have none
    _, one_each = np.unique(old.owner, return_index=True)
    others = np.bincount(old.school[one_each] + 1, minlength=n_schools)[new.school + 1] - 1
    n_rows = np.bincount(school + 1, minlength=n_schools)[new.school + 1]
    shares = []
    for before, now in columns[1:]:
        value = np.concatenate([before, now])
        width = value.max(initial=-1) + 2
        counts = pd.Series((school + 1) * width + value + 1).value_counts()
        same = counts.reindex((new.school + 1) * width + now + 1).to_numpy(dtype=float)
        missing = counts.reindex((new.school + 1) * width).fillna(0).to_numpy(dtype=float)
        shares.append((np.where(now >= 0, same, 0) / n_rows, np.where(now >= 0, same + missing, n_rows) / n_rows))
    # exactly[:, k]: the chance that k parts of somebody else's code do not agree.
    exactly = np.zeros((len(new.school), changes.max(initial=0) + 1))
    exactly[:, 0] = 1
    for agree, _ in shares[:n_parts]:
        shifted = np.pad(exactly[:, :-1], ((0, 0), (1, 0)))
        exactly = exactly * agree[:, None] + shifted * (1 - agree[:, None])
    as_near = np.where(np.arange(exactly.shape[1]) <= changes[:, None], exactly, 0).sum(axis=1)
    for _, agree_or_unknown in shares[n_parts:]:
        as_near = as_near * agree_or_unknown
    result: npt.NDArray[np.float64] = np.exp(-np.maximum(others, 0) * as_near)
    return result
