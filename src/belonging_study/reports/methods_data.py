"""The methods section's part on data: how responses without an identifier were linked, and what school records mean."""

from __future__ import annotations

from collections.abc import Iterator

from belonging_study.reports.formatting import count, listed, number
from belonging_study.study.model import Study, Wave

__all__ = ["linking_sentences", "records_sentences"]


def linking_sentences(study: Study) -> Iterator[str]:
    """Say how students were found again by a code that they made themselves.

    Parameters
    ----------
    study : Study
        The definition.

    Yields
    ------
    str
        Sentences; none where there is an identifier.

    References
    ----------
    Schnell, R., Bachteler, T., & Reiher, J. (2010). Improving the use of self-generated identification codes.
    *Evaluation Review, 34*, 391-418.

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "W", "date": "2024-10-07", "sources": [{"file": "a.csv"}]}],
    ...     "design": {"linking": {"code": ["pet", "day", "house"]}, "assignment": {"starts": "w1"}},
    ...     "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> next(linking_sentences(study))
    'Responses carry no identifier; students are found again by a code of 3 parts that they make anew in each wave.'
    """
    linking = study.design.linking
    if linking is None:
        return
    yield (
        f"Responses carry no identifier; students are found again by a code of {len(linking.code)} parts that they "
        "make anew in each wave."
    )
    changes = linking.maximum_changes
    parts = f"{count(changes)} {'part' if changes == 1 else 'parts'}"
    also = f", or with codes that differ in at most {parts}, the most alike first" if changes else ""
    verify = ""
    if linking.verify:
        columns = listed([f"“{name.replace('_', ' ')}”" for name in linking.verify])
        verify = f"; {columns} must agree wherever both waves know {'it' if len(linking.verify) == 1 else 'them'}"
    yield f"Two responses of one school are linked with identical codes{also}{verify}."
    yield (
        "Whoever could be two students, or two who could be one, and responses without a code, are linked to nobody: "
        "each counts as a student of its own. A wrong link makes a change look smaller or larger than it was; a link "
        "that is missed counts as a student lost and a new one (Schnell, Bachteler & Reiher 2010)."
    )


def records_sentences(study: Study, wave: Wave) -> Iterator[str]:
    """Say how measures were made of school records with several rows a student.

    Parameters
    ----------
    study : Study
        The definition; its ``records`` say what marks and incidents mean.
    wave : Wave
        The wave of the report; only kinds of file that it or an earlier wave has are described.

    Yields
    ------
    str
        Sentences; none without such files.

    References
    ----------
    U.S. Department of Education, EDFacts file specification 195 (chronic absenteeism).

    Examples
    --------
    >>> study = Study.model_validate({
    ...     "title": "T", "name": "t", "programme": {"name": "P"},
    ...     "waves": [{"name": "w1", "label": "W", "date": "2024-10-07",
    ...                "sources": [{"file": "r.csv", "kind": "roster"}, {"file": "a.csv", "kind": "attendance"}]}],
    ...     "design": {"assignment": {"starts": "w1"}}, "outcomes": [{"name": "y", "measure": "y", "label": "Y"}]})
    >>> list(records_sentences(study, study.waves[0]))[1][:64]
    'The absence rate is the share of the enrolled days that a studen'
    """
    kinds = {source.kind for w in study.waves_until(wave.name) for source in w.sources}
    if not kinds & {"attendance", "marks", "incidents", "enrolment"}:
        return
    yield (
        "Rows of school records are added up over each student’s terms, schools and files; rows that repeat another "
        "count once."
    )
    if "attendance" in kinds:
        yield from _attendance(study)
    if "marks" in kinds:
        yield from _marks(study)
    if "incidents" in kinds:
        yield "A student of the wave without a row among the incidents had none."
        for name, types in study.records.incidents.items():
            yield f"As {name.replace('_', ' ')} count: {listed(list(types))}."
    if "enrolment" in kinds:
        yield (
            "Of a student’s several stays at schools the one counts that covers the date of the wave; of a student who "
            "has left, the last."
        )


def _attendance(study: Study) -> Iterator[str]:
    """Absence, and when it is chronic."""
    share = 100 * study.records.chronic_absence
    yield (
        "The absence rate is the share of the enrolled days that a student missed, for whatever reason; absence is "
        f"chronic from {number(share, 0 if round(share, 6).is_integer() else 1)}% of them"
        + (" (U.S. Department of Education, EDFacts file specification 195)." if share == 10 else ".")
    )
    yield "Students without a row have no measure of absence."


def _marks(study: Study) -> Iterator[str]:
    """Which courses are in a share, and which marks are which."""
    marks = study.records.marks
    numbers = any(outcome.measure == "mean_mark" for outcome in study.outcomes)
    if numbers:
        yield "The mean mark is that of the courses with a mark."
    else:
        dfw = list(dict.fromkeys((*marks.dfw, *marks.withdrawn)))
        yield (
            f"Shares of marks are of the courses with a mark that counts: {', '.join(marks.ab)} as A or B, "
            f"{', '.join(dfw)} as D, F or withdrawn. Withdrawals ({', '.join(marks.withdrawn)}) stay among the courses."
        )
    left = f" Left out: {', '.join(marks.not_counted)}." if marks.not_counted else ""
    yield f"A course without a final mark is in no {'mean' if numbers else 'share'} and counted.{left}"
