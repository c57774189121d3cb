"""What a notebook talks to: the study, its tables from one step to the next, and the blocks of its report."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from belonging_study.errors import FileMissingError, ParameterError
from belonging_study.reports.blocks import Figure, Note, Table
from belonging_study.reports.catch_up import CATCHING_UP_VARIABLE, catch_up
from belonging_study.reports.csv_files import csv_bytes, read_csv
from belonging_study.reports.disclosure import suppress
from belonging_study.reports.fingerprint import data_fingerprint
from belonging_study.reports.places import SCRATCH_VARIABLE, Places, choose_wave, find_study_file, places
from belonging_study.reports.publish import write_file
from belonging_study.reports.rate_disclosure import rare_outcomes
from belonging_study.reports.raw_data import provide_demo_data
from belonging_study.study import Study, load_study
from belonging_study.study.model import Wave

if TYPE_CHECKING:
    from belonging_study.figures import Drawn

__all__ = ["Workspace", "open_wave"]

_FILE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


def open_wave(wave: str = "", study: str | Path = "") -> Workspace:
    """Open one wave of a study for work in a notebook.

    Parameters
    ----------
    wave : str, optional
        A wave's name; if empty, the last wave whose files are all there.
    study : str or pathlib.Path, optional
        ``study.yml`` or its folder; if empty, the first one found from the current folder upwards.

    Returns
    -------
    Workspace
        Tables go to ``data_processed/<wave>/``; in a run of ``belonging-study run``, to that run's scratch folder.
        If the study is the demo and there are no raw files at all, the demo's files are written first.

    Raises
    ------
    FileMissingError
        If there is no ``study.yml``, or no wave has its files.
    StudyDefinitionError
        If ``study.yml`` holds mistakes.
    ParameterError
        If no wave has that name; the message gives the nearest.
    """
    definition = load_study(find_study_file(study))
    where = places(definition)
    provide_demo_data(definition, where.raw)
    name = choose_wave(definition, where.raw, wave)
    scratch = os.environ.get(SCRATCH_VARIABLE, "")
    if scratch:
        processed, shown = Path(scratch) / "processed", Path(scratch) / "version"
    else:
        processed = shown = where.processed(name)
    return Workspace(definition, definition.wave(name), where, processed, shown)


@dataclass(frozen=True)
class Workspace:
    """One wave of a study, as notebooks see it.

    Attributes
    ----------
    study : Study
        The definition.
    wave : Wave
        The wave that is reported; every earlier wave is in its tables.
    places : Places
        The study's folders.
    processed : pathlib.Path
        Where parquet tables go from one notebook to the next.
    shown : pathlib.Path
        Where ``tables/`` and ``figures/`` of the report lie.
    """

    study: Study
    wave: Wave
    places: Places
    processed: Path
    shown: Path

    @property
    def raw(self) -> Path:
        """The raw data folder; nothing in it is ever changed."""
        return self.places.raw

    @property
    def seed(self) -> int:
        """The seed of the analysis, from ``study.yml``."""
        return self.study.analysis.seed

    @cached_property
    def key(self) -> bytes:
        """The key of the pseudonyms."""
        from belonging_study.data.linking.keys import load_key

        return load_key(self.study, self.raw)

    @cached_property
    def _inputs(self) -> str:
        """Fingerprint of what the tables are made from, as it was when first asked for."""
        return data_fingerprint(self.study, self.wave.name, self.places, self.key)

    def responses(self) -> pd.DataFrame:
        """Give one row a student and wave, cleaned; made on the spot if missing or older than its inputs.

        Returns
        -------
        pandas.DataFrame
            As `belonging_study.data.clean_waves` makes it (``Cleaned.responses``).
        """

        def make() -> pd.DataFrame:
            from belonging_study.data.clean import clean_waves

            return clean_waves(self.study, self.wave.name, raw=self.raw, key=self.key).responses

        return self._fresh("responses", make)

    def scores(self) -> pd.DataFrame:
        """Give the responses with a column for each scale and outcome; made on the spot if missing or out of date."""

        def make() -> pd.DataFrame:
            from belonging_study.scales.study_scores import score_study

            return score_study(self.study, self.responses())

        return self._fresh("scores", make)

    def save(self, name: str, table: pd.DataFrame) -> None:
        """Keep a table for later notebooks, as ``<processed>/<name>.parquet``; its index is not kept.

        Raises
        ------
        PublishError
            If the disk is full or may not be written.
        """
        _require_file_name(name)
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False)
        write_file(self.processed / f"{name}.parquet", buffer.getvalue())
        write_file(self._stamp(name), self._inputs.encode())

    def load(self, name: str) -> pd.DataFrame:
        """Give a table that an earlier notebook kept with `save`.

        In a notebook opened by hand, the earlier notebooks are run first if it is missing or out of date.

        Raises
        ------
        FileMissingError
            If it is not there, or was made from other inputs than the present ones.
        """
        path = self.processed / f"{name}.parquet"
        self._require(path, name)
        return pd.read_parquet(path)

    def table(
        self,
        name: str,
        data: pd.DataFrame,
        *,
        title: str,
        section: str,
        note: str = "",
        folded: bool = False,
        columns: Mapping[str, str] | None = None,
        show: bool = True,
        absent: str = "",
    ) -> Table | Note | None:
        """Write a table of the report to ``tables/<name>.csv`` and give its block.

        Parameters
        ----------
        name : str
            The file's name.
        data : pandas.DataFrame
            Tidy; one row an estimate. Cells about fewer students than ``privacy: minimum_cell`` are suppressed.
        title, section, note, folded, columns
            As of `belonging_study.reports.Table`.
        show : bool
            False for a table that is only a file: nothing is returned, so that nothing is shown.
        absent : str
            What to say in the report if the table has no rows; such a table is not written.

        Returns
        -------
        Table, Note or None
            The block, after suppression; for a table without rows the note that says why, if there is one to say.

        Raises
        ------
        PublishError
            If the disk is full or may not be written.
        """
        _require_file_name(name)
        if data.empty:
            (self.shown / "tables" / f"{name}.csv").unlink(missing_ok=True)
            return Note(absent, section=section) if absent else None
        safe = self.disclose(data)
        block = Table(name, title, safe, section=section, note=note, folded=folded, columns=columns)
        write_file(self.shown / "tables" / f"{name}.csv", csv_bytes(safe))
        write_file(self._stamp(f"tables-{name}"), self._inputs.encode())
        return block if show else None

    def document(self, name: str, content: Mapping[str, Any]) -> None:
        """Write ``tables/<name>.json``: a description of tables in a form that other tools read.

        Parameters
        ----------
        name : str
            The file's name.
        content : mapping
            JSON values; nothing in it may come from fewer students than ``privacy: minimum_cell``.

        Raises
        ------
        PublishError
            If the disk is full or may not be written.
        """
        _require_file_name(name)
        text = json.dumps(content, indent=2, ensure_ascii=False)
        write_file(self.shown / "tables" / f"{name}.json", f"{text}\n".encode())

    def disclose(self, data: pd.DataFrame) -> pd.DataFrame:
        """Give a table with its small cells hidden, as `table` writes it: what figures are drawn from."""
        if data.empty:
            return data
        by_flow = {"n_linked", "link_reason"} & set(data.columns)
        flow = self.load("flow") if by_flow else None
        rare = self.rare if {"outcome", "mean_treated"} & set(data.columns) else frozenset()
        return suppress(data, minimum_cell=self.study.privacy.minimum_cell, flow=flow, rare=rare)

    @cached_property
    def rare(self) -> frozenset[str]:
        """Outcomes of which some arm has rates of a few; none before there are scores."""
        path = self.processed / "scores.parquet"
        if not path.is_file():
            return frozenset()
        from belonging_study.effects.descriptives import describe_outcomes

        return rare_outcomes(describe_outcomes(self.study, pd.read_parquet(path)), self.study.privacy.minimum_cell)

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a table of the report that an earlier notebook wrote.

        In a notebook opened by hand, the earlier notebooks are run first if it is missing or out of date.

        Returns
        -------
        pandas.DataFrame
            As in the CSV file: suppressed cells are missing.

        Raises
        ------
        FileMissingError
            If it is not there, or was made from other inputs than the present ones.
        """
        path = self.shown / "tables" / f"{name}.csv"
        self._require(path, f"tables-{name}")
        return read_csv(path)

    def figure(self, name: str, drawn: Drawn, *, title: str, section: str, caption: str = "") -> Figure:
        """Write a figure to ``figures/<name>.svg`` and ``.png``, close it, and give its block.

        Parameters
        ----------
        name : str
            The files' name.
        drawn : belonging_study.figures.Drawn
            The picture with its alternative text.
        title, section, caption : str
            As of `belonging_study.reports.Figure`.

        Returns
        -------
        Figure
            The same numbers give the same bytes.

        Raises
        ------
        PublishError
            If the disk is full or may not be written.
        """
        import matplotlib as mpl
        import matplotlib.pyplot as plt

        from belonging_study.figures import house_style

        _require_file_name(name)
        svg, png = io.BytesIO(), io.BytesIO()
        try:
            # The salt makes the ids in the drawing follow from its name, not from chance.
            with house_style(), mpl.rc_context({"svg.hashsalt": name}):
                drawn.figure.savefig(png, format="png", metadata={"Software": None})
                drawn.figure.set_layout_engine("none")  # what the first drawing has laid out holds for the second
                drawn.figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
        finally:
            plt.close(drawn.figure)
        write_file(self.shown / "figures" / f"{name}.svg", svg.getvalue())
        write_file(self.shown / "figures" / f"{name}.png", png.getvalue())
        return Figure(name, title, svg.getvalue().decode(), png.getvalue(), drawn.alt, section=section, caption=caption)

    def note(
        self, text: str, *, section: str, kind: Literal["info", "caution", "method"] = "info", title: str = ""
    ) -> Note:
        """Give a paragraph of the report; `text` is Markdown."""
        return Note(text, section=section, kind=kind, title=title)

    def notes(self, texts: Sequence[str], *, section: str, title: str = "") -> Note | None:
        """Give several sentences as one list of the report, or nothing where there is none."""
        return (
            Note("\n".join(f"- {text}" for text in texts), section=section, kind="method", title=title)
            if texts
            else None
        )

    @property
    def arms(self) -> list[str]:
        """The arms as the flow names them: the two kinds of arm, or ``all`` where there is no comparison."""
        return ["all"] if self.study.design.assignment.comparison is None else ["programme", "comparison"]

    def _fresh(self, name: str, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """Read a table, or make and keep it."""
        path = self.processed / f"{name}.parquet"
        if not path.is_file() or not self._is_fresh(name):
            self.save(name, make())
        return pd.read_parquet(path)

    def _stamp(self, name: str) -> Path:
        """The file that says from which inputs a table was made."""
        return self.processed / ".made-from" / f"{name}.txt"

    def _is_fresh(self, name: str) -> bool:
        """Say whether a table was made from the present inputs."""
        try:
            return self._stamp(name).read_text(encoding="utf-8") == self._inputs
        except FileNotFoundError:
            return False

    def _require(self, path: Path, stamp: str) -> None:
        """Raise unless a file is there and fresh; by hand, earlier notebooks may make it first."""

        def there() -> bool:
            return path.is_file() and self._is_fresh(stamp)

        if there():
            return
        if self.shown == self.processed and not os.environ.get(CATCHING_UP_VARIABLE):
            catch_up(self.study, self.wave.name, self.places, until=there)
        if there():
            return
        state = "was made from earlier data or settings" if path.is_file() else "has not been made yet"
        raise FileMissingError(
            f"The table {path.stem} {state}.",
            where=f"{path.parent.name}/{path.name}, wave {self.wave.name}",
            remedy=f"run the notebook that makes it, or all of them: belonging-study run --wave {self.wave.name}",
        )


def _require_file_name(name: str) -> None:
    if not _FILE_NAME.match(name):
        raise ParameterError(
            f"{name!r} cannot be the name of a file.",
            remedy="use letters, digits, '_', '-' and '.', such as 'estimates'.",
        )
