"""The page of a check in a real browser: accessible, and no wider than a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_up import made_up_study
from test_report_in_browser import CHROMIUM, DRIVER, WIDTHS, browser, show

from belonging_study.reports.check import Finding, Rows, WaveCheck
from belonging_study.reports.check_page import check_html

__all__ = ["browser"]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with its driver (chromium, chromedriver) here"),
]


@pytest.fixture(scope="module", params=["a mess", "all well"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    long = "w1/an_export_with_a_name_that_never_seems_to_end_" + "x" * 60 + ".csv"
    mess = tuple(
        Finding(severity, long, f"{long}, column bel_{i}", f"{i} answers:\n  `one`\n  two", "correct them.")  # type: ignore[arg-type]
        for severity in ("error", "warning", "note")
        for i in range(3)
    )
    rows = (Rows("survey", "Rows of the survey", 1570, (("No student id", 12),), "Linked to the roster", 1558),)
    checks = [
        WaveCheck("w1", "Baseline", "9 findings", mess if request.param == "a mess" else (), rows),
        WaveCheck("w2", "Later", "no files yet", is_there=False),
    ]
    path = tmp_path_factory.mktemp("check") / "check.html"
    path.write_text(check_html(made_up_study(), checks, raw="data_raw"), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_the_page_is_accessible_and_fits(browser: Any, page: Path, width: int, dark: bool) -> None:
    from axe_core_python.selenium import Axe

    show(browser, page, width=width, dark=dark)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    result = Axe().run(browser, options={"runOnly": {"type": "tag", "values": tags}})
    assert [(v["id"], [n["html"] for n in v["nodes"]]) for v in result["violations"]] == []
    content, window = browser.execute_script(WIDTHS)
    assert content <= window
