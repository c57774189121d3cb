"""From executed notebooks to a complete version folder: report, notebooks, manifest."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from belonging_study.reports.assemble import assemble_html
from belonging_study.reports.blocks import BLOCK_MIME, Block, Table, block_from_json
from belonging_study.reports.cautions import cautions
from belonging_study.reports.csv_files import read_csv
from belonging_study.reports.data_package import PACKAGE_NAME, data_package
from belonging_study.reports.engine import notebook_bytes
from belonging_study.reports.fingerprint import Fingerprint
from belonging_study.reports.manifest import MANIFEST_NAMES, Manifest, as_crate, make_manifest
from belonging_study.reports.methods import methods_text
from belonging_study.reports.places import Places
from belonging_study.reports.publish import write_file
from belonging_study.reports.words import summarise
from belonging_study.study import Study

__all__ = ["collect_blocks", "finish_version", "provenance"]

_CAUTIONED = (
    *("attrition", "careless", "equivalence", "estimates", "event_study", "fairness", "links", "pretrend"),
    "scales",
)
"""The tables from which the cautions follow."""


def collect_blocks(notebooks: Iterable[Any]) -> list[Block]:
    """Take the blocks that executed notebooks show, in the order in which they show them.

    Parameters
    ----------
    notebooks : iterable of nbformat.NotebookNode
        In the report's order.

    Returns
    -------
    list of Block
        A block that is shown twice under one name counts once, where it was shown last.
    """
    found: dict[tuple[str, str], Block] = {}
    for number, notebook in enumerate(notebooks):
        for position, cell in enumerate(notebook.cells):
            for shown, output in enumerate(cell.get("outputs", [])):
                value = output.get("data", {}).get(BLOCK_MIME)
                if value is None:
                    continue
                key = (value["block"], value.get("name") or f"{number}.{position}.{shown}")
                found.pop(key, None)
                found[key] = block_from_json(value)
    return list(found.values())


def finish_version(
    study: Study,
    wave: str,
    *,
    where: Places,
    staged: Path,
    executed: Mapping[str, Any],
    parameters: Mapping[str, Mapping[str, Any]],
    fingerprint: Fingerprint,
    started_at: dt.datetime,
) -> None:
    """Write what a version holds besides the tables and figures that its notebooks wrote.

    Parameters
    ----------
    study : Study
        The definition.
    wave : str
        The wave that is reported.
    where : Places
        The study's folders.
    staged : pathlib.Path
        The folder that will be published.
    executed : mapping
        Notebook's stem to the executed notebook, in order.
    parameters : mapping
        Notebook's stem to the values that were given for it.
    fingerprint : Fingerprint
        Of this run.
    started_at : datetime.datetime
        When the run began.

    Raises
    ------
    PublishError
        If the disk is full or may not be written.
    """
    outputs = f"outputs/{wave}/"
    manifest = make_manifest(study, wave, where=where, fingerprint=fingerprint, parameters=parameters)
    blocks = collect_blocks(executed.values())
    page = assemble_html(
        study,
        study.wave(wave),
        blocks,
        provenance=provenance(manifest),
        summary=summarise(
            study,
            study.wave(wave),
            *(_table(staged, name) for name in ("estimates", "flow", "scales")),
            **{name: _table(staged, name) for name in ("fairness", "gaps")},
        ),
        cautions=cautions(
            study,
            study.wave(wave),
            **{name: _table(staged, name) for name in _CAUTIONED},
        ),
        methods=methods_text(study, study.wave(wave)),
        notebooks=[_code(name, notebook) for name, notebook in executed.items()],
    )
    write_file(staged / "report.html", page.encode(), where=outputs)
    if any((staged / "tables").glob("*.csv")):
        titles = {block.name: block.title for block in blocks if isinstance(block, Table)}
        package = json.dumps(data_package(study, wave, staged / "tables", titles), indent=2, ensure_ascii=False)
        write_file(staged / "tables" / PACKAGE_NAME, f"{package}\n".encode(), where=outputs)
    for name, notebook in executed.items():
        write_file(staged / "notebooks" / f"{name}.ipynb", notebook_bytes(notebook), where=outputs)
    crate = as_crate(
        manifest, study, where=where, staged=staged, started_at=started_at, ended_at=dt.datetime.now(dt.UTC)
    )
    text = json.dumps(crate, indent=2, ensure_ascii=False).encode()
    for name in MANIFEST_NAMES:
        write_file(staged / name, text, where=outputs)


def provenance(manifest: Manifest) -> dict[str, Any]:
    """Give what a report says of its making.

    It follows from the version's fingerprint alone, so that two runs give the same page; times are in the manifest.
    """
    out: dict[str, Any] = {
        "version": manifest.fingerprint[:6],
        "wave": manifest.wave,
        "seed": manifest.seed,
        "input_files": [f"{name} (SHA-256 {digest[:12]})" for name, digest in manifest.inputs.items()],
        "parameters": {name: dict(values) for name, values in manifest.parameters.items()} or "none given",
        "python": manifest.python,
        "packages": dict(manifest.packages),
        "platform": manifest.platform,
    }
    if manifest.commit:
        out["git_commit"] = manifest.commit[:12] + ("" if manifest.clean else ", with changes that are not committed")
    return out


def _table(staged: Path, name: str) -> pd.DataFrame:
    """A table of the report, empty where it does not apply."""
    path = staged / "tables" / f"{name}.csv"
    return read_csv(path) if path.is_file() else pd.DataFrame()


def _code(name: str, notebook: Any) -> tuple[str, str, list[str]]:
    """A notebook's heading, path and code."""
    lines = [line for c in notebook.cells if c.cell_type == "markdown" for line in c.source.splitlines()]
    heading = next((line.lstrip("# ").strip() for line in lines if line.startswith("#")), name)
    return heading, f"notebooks/{name}.ipynb", [c.source for c in notebook.cells if c.cell_type == "code"]
