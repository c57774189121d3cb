"""Identifiers that a spreadsheet has changed are refused; those that only look a little like it are not."""

from __future__ import annotations

import pandas as pd
import pytest

from belonging_study.data.linking.spoilt_ids import refuse_spoilt_ids
from belonging_study.errors import DataError

WHERE = "w1/roster.csv, column class_id"


@pytest.mark.parametrize(
    ("spoilt", "what"),
    [
        *((text, "dates") for text in ("2024-10-07", "2024-10-07 00:00:00", "10/7/2024", "07.10.2024", " 07-Jan ")),
        *((text, "dates") for text in ("7. Okt", "07-janv", "Mar-12", "MAY-01", "12-mrt")),
        *((text, "errors such as #N/A") for text in ("#N/A", "#REF!", "#BEZUG!", "#name?", "########")),
        *((text, "formulas") for text in ("=A2", '="007"', " =cmd|' /C calc'!A0")),
    ],
)
def test_what_a_spreadsheet_has_made_of_identifiers_is_counted(spoilt: str, what: str) -> None:
    with pytest.raises(DataError) as caught:
        refuse_spoilt_ids(pd.Series(["8a", None, spoilt, spoilt]), where=WHERE)
    assert caught.value.what == f"A spreadsheet has changed the identifiers of 2 rows: they are now {what}."
    assert caught.value.where == WHERE
    assert spoilt == "#N/A" or spoilt not in str(caught.value)


@pytest.mark.parametrize(
    "ids",
    [
        pd.Series(["7-1", "1/2/03", "2024-10", "20241007", "12-janet", "jan-1", "may", "7.1.2", "a=b", "#7", None]),
        pd.Series([7.0, 8.5, None]),
        pd.Series([], dtype=object),
        pd.Series([None, None], dtype=object),
    ],
)
def test_other_identifiers_stay_as_they_are(ids: pd.Series) -> None:
    pd.testing.assert_series_equal(refuse_spoilt_ids(ids, where=WHERE), ids)
