from __future__ import annotations

import numpy as np
import pandas as pd

from belonging_study.data.codebook.missing import LEFT_EMPTY, NO_RESPONSE, NOT_IN_FILES, missing_table


def test_reasons_in_the_sample_add_up_to_every_missing_value() -> None:
    rng = np.random.default_rng(4)
    here = pd.Series(rng.random(200) < 0.8)
    sample = pd.DataFrame({name: np.where(rng.random(200) < 0.7, 1.0, np.nan) for name in ("q", "mark")})
    sample.loc[~here, "q"] = np.nan
    present = {"q": here, "mark": pd.Series(rng.random(200) < 0.9)}
    found = missing_table(sample, {"q": "Q", "mark": "Mark"}, present, ["q"], {}, wave="w1")
    assert found.groupby("column")["n"].sum().to_dict() == sample.isna().sum().to_dict()
    assert set(found.loc[found["column"] == "q", "reason"]) == {NO_RESPONSE, LEFT_EMPTY}
    assert set(found.loc[found["column"] == "mark", "reason"]) == {NOT_IN_FILES, LEFT_EMPTY}
    assert found.loc[found["reason"] == NO_RESPONSE, "n"].item() == (~here).sum()
    np.testing.assert_allclose(found["share"], found["n"] / 200)


def test_a_value_of_a_student_who_is_not_in_the_file_counts_as_known() -> None:
    sample = pd.DataFrame({"mark": [1.0]})
    assert missing_table(sample, {"mark": "M"}, {"mark": pd.Series([False])}, [], {}, wave="w1").empty
