from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from belonging_study.reports.disclosure import suppress


def counted(counts: dict[str, list[int]], kind: str = "value") -> pd.DataFrame:
    rows = [
        {"variable": name, "kind": kind, "value": str(i + 1), "n": n, "share": n / sum(each), "n_smallest": n}
        for name, each in counts.items()
        for i, n in enumerate(each)
    ]
    return pd.DataFrame(rows)


def test_a_rare_value_hides_every_count_of_its_variable_and_of_no_other() -> None:
    table = suppress(counted({"q": [3, 20, 77], "r": [30, 0, 70]}), minimum_cell=10).set_index(["variable", "value"])
    assert table.loc["q", ["n", "share"]].isna().all(axis=None)
    assert table.loc["q", "suppressed"].iloc[0] == "fewer than 10"
    assert (table.loc["q", "suppressed"] != "").all()
    assert table.loc["r", "n"].tolist() == [30, 0, 70]
    assert (table.loc["r", "suppressed"] == "").all()
    assert "n_smallest" not in table


def test_mean_and_spread_do_not_give_the_hidden_counts_away() -> None:
    # What an attacker knows of a five-point item: how many answered, and from another table mean and spread.
    true = [4, 12, 31, 40, 25]
    shown = suppress(counted({"q": true}), minimum_cell=10)
    assert shown["n"].isna().all()
    moments = np.vander(np.arange(1.0, 6.0), 3, increasing=True).T  # count, sum, sum of squares
    known = moments @ true
    rare = set()
    for first, second in itertools.product(range(sum(true)), repeat=2):
        rest = np.linalg.solve(moments[:, 2:], known - moments[:, :2] @ [first, second])
        if (rest > -1e-6).all() and np.allclose(rest, rest.round(), atol=1e-6):
            rare.add(first)
    assert 4 in rare
    assert len(rare) > 1


def test_a_rare_value_of_one_wave_hides_the_sum_of_all_waves() -> None:
    table = counted({"q": [30, 40]})
    table.loc[0, "n_smallest"] = 4
    assert suppress(table, minimum_cell=10)["n"].isna().all()


def test_reasons_of_a_file_are_hidden_one_by_one() -> None:
    table = suppress(counted({"q": [4, 40]}, kind="declared"), minimum_cell=10)
    assert table["n"].isna().tolist() == [True, False]


def test_what_is_hidden_stays_hidden() -> None:
    once = suppress(counted({"q": [3, 97]}), minimum_cell=10)
    pd.testing.assert_frame_equal(suppress(once, minimum_cell=10), once)
