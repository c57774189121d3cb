"""lavaan's syntax, read as lavaan reads it, and refused with the line where it is not ours."""

from __future__ import annotations

import pytest

from belonging_study.errors import ParameterError
from belonging_study.scales.structure import parse_model


def test_every_kind_of_line() -> None:
    terms = parse_model(
        """
        # a comment
        f =~ 1*x1 + a*x2 +
             x3          ! another
        g =~ NA*x4 + x5 + x6; f ~~ 0*g
        x1 ~~ x4 + r*x5
        f ~~ 1*f
        x1 + x2 ~ 1
        x3 ~ -.5*1
        """
    )
    found = [(t.key, t.fixed, t.freed, t.label, t.line) for t in terms]
    assert found == [
        ("f=~x1", 1.0, False, "", 3),
        ("f=~x2", None, False, "a", 3),
        ("f=~x3", None, False, "", 3),
        ("g=~x4", None, True, "", 5),
        ("g=~x5", None, False, "", 5),
        ("g=~x6", None, False, "", 5),
        ("f~~g", 0.0, False, "", 5),
        ("x1~~x4", None, False, "", 6),
        ("x1~~x5", None, False, "r", 6),
        ("f~~f", 1.0, False, "", 7),
        ("x1~1", None, False, "", 8),
        ("x2~1", None, False, "", 8),
        ("x3~1", -0.5, False, "", 9),
    ]


def test_a_line_may_go_on_with_a_plus() -> None:
    assert [t.rhs for t in parse_model("f =~ x1\n  + x2\n  + x3")] == ["x1", "x2", "x3"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("f ~ x9", "regressions"),
        ("d := a - b", "computed parameters"),
        ("a == b", "constraints"),
        ("x1 | t1", "thresholds"),
        ("x1 ~*~ x1", "scaling factors"),
        ("f <~ x1", "composites"),
        ("a > 0", "inequalities"),
        ("g =~ c(a, b)*x1", "one modifier per group"),
        ("g =~ start(1)*x1", "starting values"),
        ("level: 1", "not a line of the form"),
        ("g =~ a*b*x1", "`a*b*x1` is not"),
        ("g =~ x1 x2", "`x1 x2` is not"),
        ("g =~ x1 +", "not"),
        ("g =~ 1", "not an item"),
        ("g =~ g", "measure itself"),
        ("f =~ x1", "already written in line 1"),
        ("x2 ~~ x1\nx1 ~~ x2", "already written in line 2"),
    ],
)
def test_anything_else_is_refused_with_its_line(line: str, why: str) -> None:
    with pytest.raises(ParameterError) as found:
        parse_model(f"f =~ x1 + x2 + x3\n{line}")
    assert why in str(found.value)
    assert "model, line" in str(found.value)


@pytest.mark.parametrize("model", ["", "# nothing", "x1 ~~ x2", "f =~ "])
def test_a_model_needs_a_factor(model: str) -> None:
    with pytest.raises(ParameterError):
        parse_model(model)


def test_a_model_is_text() -> None:
    with pytest.raises(ParameterError, match="it is a list"):
        parse_model(["f =~ x1"])  # type: ignore[arg-type]
