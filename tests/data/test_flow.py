from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from belonging_study.data.flow.table import FLOW_COLUMNS, flow_info, flow_table

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.sampled_from(["x", "y", None]), st.integers(0, 3)), max_size=12
)


@given(ROWS)
def test_start_less_exclusions_is_what_remains(rows: list[tuple[str | None, str | None, int]]) -> None:
    table = pd.DataFrame(rows, columns=["student", "cluster", "step"]).astype({"student": object, "cluster": object})
    flow = flow_table(table, table["step"], ["start", "1", "2", "3", "end"], wave="w1", stream="survey")
    start, *excluded, remaining = flow[["n_rows", "n_students", "n_clusters"]].to_numpy()
    assert (start - sum(excluded) == remaining).all()
    kept = table[table["step"] == 0]
    assert list(start) == [len(table), table["student"].nunique(), table["cluster"].nunique()]
    assert list(remaining) == [len(kept), kept["student"].nunique(), kept["cluster"].nunique()]
    assert [e[0] for e in excluded] == [(table["step"] == k).sum() for k in (1, 2, 3)]


def test_a_student_goes_with_the_last_of_her_rows() -> None:
    rows = pd.DataFrame({"student": ["a", "a"], "cluster": ["x", "x"]})
    flow = flow_table(rows, [2, 1], ["start", "one", "two", "end"], wave="w1", stream="survey", arm="all")
    assert flow["n_students"].tolist() == [1, 0, 1, 0]
    assert flow["kind"].tolist() == ["start", "excluded", "excluded", "remaining"]
    assert tuple(flow.columns) == FLOW_COLUMNS


def test_info_counts_rows_of_nobody() -> None:
    assert flow_info(3, "x", wave="w", stream="survey", step=0)[["n_rows", "n_students"]].to_numpy().tolist() == [
        [3, 0]
    ]
    rows = pd.DataFrame({"student": ["a", "b"], "cluster": ["x", "x"]})
    line = flow_info(rows, "x", wave="w", stream="students", step=4)
    assert line[["n_rows", "n_students", "n_clusters"]].to_numpy().tolist() == [[2, 2, 1]]
