"""Score tests against lavaan's modindices and lavTestScore."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from structure_truth import HS, STEPS, three_factors

from belonging_study.scales import cfa, modification_indices


def test_parameters_to_add_as_lavaan(pupils: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = modification_indices(cfa(HS, pupils))
    found["key"] = found["lhs"] + found["op"] + found["rhs"]
    theirs = pd.DataFrame(lavaan["hs_modification"])
    both = found.merge(theirs, on="key", validate="one_to_one")
    assert len(both) == len(found) == len(theirs) == 18 + 36
    np.testing.assert_allclose(both["chi2"], both["mi"], atol=1e-4)
    np.testing.assert_allclose(both["expected_change"], both["epc"], atol=1e-5)
    np.testing.assert_allclose(both["std_expected_change"], both["std"], atol=1e-5)


def test_equalities_to_release_as_lavaan(pupils: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = modification_indices(cfa(HS, pupils, group="school", equal=STEPS["scalar"]))
    released = found[found["kind"] == "release"]
    assert (released["df"] == 1).all()
    np.testing.assert_allclose(np.sort(released["chi2"]), np.sort(lavaan["hs_release"]["x2"]), atol=1e-4)
    assert released.iloc[0][["lhs", "op"]].tolist() == ["x3", "~1"]


def test_an_item_that_differs_in_two_of_five_schools_comes_first(answers: pd.DataFrame, lavaan: dict[str, Any]) -> None:
    found = modification_indices(cfa(three_factors(2), answers, group="school", equal=STEPS["scalar"]))
    first = found[found["kind"] == "release"].iloc[0]
    assert (first["lhs"], first["op"], first["df"]) == ("w2_q04", "~1", 4)
    assert first["chi2"] == pytest.approx(lavaan["sim_schools_release_q04"], abs=1e-3)


def test_a_loading_held_at_zero_is_offered() -> None:
    rng = np.random.default_rng(3)
    traits = rng.normal(size=(1000, 2))
    items = pd.DataFrame(np.repeat(traits, 3, axis=1) + rng.normal(size=(1000, 6)), columns=list("abcdef"))
    items["a"] += 0.5 * traits[:, 1]
    first = modification_indices(cfa("f =~ a + b + c\ng =~ d + e + f1", items.rename(columns={"f": "f1"}))).iloc[0]
    assert (first["lhs"], first["op"], first["rhs"]) == ("g", "=~", "a")
    assert first["expected_change"] == pytest.approx(0.5, abs=0.15)
