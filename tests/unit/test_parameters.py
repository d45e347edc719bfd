"""Parameters in addresses: what they become, what is refused, and that others cost nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jacquemart.runtime.model.city import DeviceSpec, PointSpec
from jacquemart.runtime.model.errors import ConfigError
from jacquemart.runtime.model.expressions import LARGEST, expression
from jacquemart.runtime.model.parameters import expressions, filled, resolved

VALUES = {"base": 100, "n": 7, "room": "hall", "minus": -4}


def value(text: str) -> object:
    found = expression(text)
    assert found is not None
    return found.value(VALUES)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{base}", 100),
        ("{room}", "hall"),
        ("{base} + 3", 103),
        ("2*{n}+{base}", 114),
        ("{base} - ({n} - 2) * 3", 85),
        ("-{n}", -7),
        ("- -{n} + +1", 8),
        ("{minus}*{minus}", 16),
        ("bank/{n}/level", "bank/7/level"),
        ("{room}-{n}", "hall-7"),
        ("{room} + 3", "hall + 3"),
        ("ns=2;s={room}.{n}", "ns=2;s=hall.7"),
    ],
)
def test_a_text_becomes_a_number_or_words(text: str, result: object) -> None:
    assert value(text) == result


@pytest.mark.parametrize("text", ["", "plain", "{}", "{Base}", "{1}", "{a b}", "g={a1b2-c3}"])
def test_braces_around_anything_but_a_name_mean_nothing(text: str) -> None:
    assert expression(text) is None


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("{n} +", "it ends too early"),
        ("({n}", "a parenthesis is not closed"),
        ("{n})", r"'\)' is not expected there"),
        ("{n} {n}", "'n' is not expected there"),
        ("{n} ** 2", r"'\*' is not expected there"),
        ("2 3 {n}", "'3' is not expected there"),
        ("{n} + 1234567890123456789", "more than 18 digits"),
        ("(" * 40 + "{n}" + ")" * 40, "nested more than"),
        ("-" * 5_000 + "{n}", "nested more than"),
        ("*".join(["{base}"] * 10), "too large"),
        ("{other}", "no value for parameter 'other'"),
        ("x/{other}", "no value for parameter 'other'"),
    ],
)
def test_what_cannot_be_computed_is_told_with_its_cause(text: str, cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        value(text)


numbers = st.integers(0, 999).map(str)
names = st.sampled_from(["{base}", "{n}", "{minus}"])
formulas = st.recursive(
    numbers | names,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", " - ", "*", " * "]), inner).map("".join),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"-{text}"),
    ),
    max_leaves=12,
)


@given(formulas)
def test_arithmetic_is_that_of_python(text: str) -> None:
    found = expression(text)
    python = text
    for name in ("base", "n", "minus"):
        python = python.replace(f"{{{name}}}", f"({VALUES[name]})")
    expected = eval(python)
    if found is None:
        assert "{" not in text
    elif abs(expected) <= LARGEST:
        assert found.value(VALUES) == expected
    else:
        with pytest.raises(ConfigError, match="too large"):
            found.value(VALUES)


@given(st.text("{}basen0123456789+-*() ", max_size=40))
def test_any_text_is_a_value_or_a_config_error(text: str) -> None:
    found = expression(text)
    if found is not None:
        try:
            assert isinstance(found.value(VALUES), int | str)
        except ConfigError:
            pass


POINT = PointSpec("level", address={"table": "input", "address": "{base} + 3", "path": ["{room}"]})


def test_a_point_is_resolved_with_what_its_device_has() -> None:
    device = DeviceSpec("d", "t", "z", "l", parameters=VALUES)
    found = resolved(POINT, device)
    assert found.address == {"table": "input", "address": 103, "path": ["hall"]}
    assert (found.name, POINT.address["address"]) == ("level", "{base} + 3")
    again = DeviceSpec("e", "t", "z", "l", parameters=VALUES)
    assert resolved(POINT, again) is found, "devices with the same parameters share it"


def test_a_point_without_parameters_stays_the_same_object() -> None:
    plain = PointSpec("level", address={"table": "input", "deep": {"list": [1, "{}"]}})
    device = DeviceSpec("d", "t", "z", "l", parameters=VALUES)
    assert resolved(plain, device) is plain
    assert resolved(POINT, DeviceSpec("d", "t", "z", "l")) is POINT
    assert filled(plain.address, VALUES) is plain.address


def test_expressions_are_found_however_deep() -> None:
    deep = {"a": ["{x}", {"b": "{y} + 1"}], "c": 3, "d": ("{z}",)}
    assert [found.names for found in expressions(deep)] == [("x",), ("y",), ("z",)]
