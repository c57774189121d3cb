"""A check as text for a terminal, and as a page for whoever mends the exports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from belonging_study.reports.check import Finding, Rows, WaveCheck, next_step
from belonging_study.study import Study

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["check_html", "check_lines", "check_tables"]

_HERE = Path(__file__).parent
_STUDY = "study.yml"


def check_lines(check: WaveCheck) -> Iterator[str]:
    """Write what was found in a wave as plain lines.

    Parameters
    ----------
    check : WaveCheck
        One wave.

    Yields
    ------
    str
        The summary; then by file what is wrong, where, and what to do; then what was left out.

    Examples
    --------
    >>> what = "column m: 1 value is not a number."
    >>> finding = Finding("error", "w1/r.csv", "w1/r.csv, column m", what, "correct it.")
    >>> for line in check_lines(WaveCheck("w1", "Baseline", "1 problem", (finding,))):
    ...     print(line)
    w1: 1 problem
      w1/r.csv
        error: column m: 1 value is not a number.
          Where: w1/r.csv, column m
          What to do: correct it.
    """
    yield f"{check.wave}: {check.summary}"
    for file, findings in groupby(check.findings, lambda finding: finding.file):
        yield f"  {file or _STUDY}"
        for finding in findings:
            first, *rest = finding.what.splitlines()
            yield f"    {finding.severity}: {first}"
            yield from (f"      {line}" for line in rest)
            if finding.where:
                yield f"      Where: {finding.where}"
            if finding.remedy:
                yield f"      What to do: {finding.remedy}"
    for rows in check.rows:
        if rows.left_out:
            yield "  " + _left_out(rows)


def check_tables(check: WaveCheck) -> Iterator[RenderableType]:
    """Set what was found in a wave as a table for a terminal.

    Parameters
    ----------
    check : WaveCheck
        One wave.

    Yields
    ------
    rich renderable
        The summary, a table of what is wrong, and what was left out.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    colours = {"error": "red", "warning": "yellow", "note": "cyan"}
    state = "green" if not check.findings and check.is_there else ""
    yield Text(f"{check.wave}  {check.label}: {check.summary}", style=f"bold {state}")
    if check.findings:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for heading, ratio in (("", None), ("what is wrong", 5), ("where", 3), ("what to do", 4)):
            table.add_column(heading, ratio=ratio, overflow="fold")
        table.expand = True
        for file, findings in groupby(check.findings, lambda finding: finding.file):
            table.add_row("", Text(file or _STUDY, style="bold"), "", "")
            for finding in findings:
                place = finding.where.removeprefix(file).removeprefix(", ")
                mark = Text(finding.severity, style=colours[finding.severity])
                table.add_row(mark, Text(finding.what), Text(place), Text(finding.remedy))
            table.add_section()
        yield table
    for rows in check.rows:
        if rows.left_out:
            yield Text("  " + _left_out(rows), style="dim")


def check_html(study: Study, checks: Sequence[WaveCheck], *, raw: str) -> str:
    """Set a check as one page that opens anywhere, without a request and without a script.

    Parameters
    ----------
    study : Study
        The definition.
    checks : sequence of WaveCheck
        See `check_waves`.
    raw : str
        Name of the raw data folder.

    Returns
    -------
    str
        HTML: what to do next, and by wave and file what is wrong, where, and what to do.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("check.html.j2").render(
        study=study,
        css=(_HERE / "page.css").read_text(encoding="utf-8"),
        waves=[(check, _by_file(check.findings)) for check in checks],
        counts=[(kind, sum(check.count(kind) for check in checks)) for kind in ("error", "warning", "note")],
        step=next_step(checks, raw),
        raw=raw,
    )


def _left_out(rows: Rows) -> str:
    """Say in a line what was left out."""
    said = "; ".join(f"{label} {n}" for label, n in rows.left_out)
    return f"left out of {rows.name if '/' in rows.name or '.' in rows.name else f'the {rows.name}'}: {said}"


def _by_file(findings: Sequence[Finding]) -> list[tuple[str, list[tuple[Finding, str]]]]:
    """Give each file its findings, with what of the place is not the file."""
    return [
        (file or _STUDY, [(finding, finding.where.removeprefix(file).removeprefix(", ")) for finding in mine])
        for file, mine in groupby(findings, lambda finding: finding.file)
    ]
