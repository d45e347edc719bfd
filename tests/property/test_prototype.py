"""The native prototype equals its oracle, and a copied actor is what its class would have made."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from types import MemberDescriptorType
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracle_prototype import OraclePrototype

from jacquemart.native.prototype import Prototype


class Below:
    __slots__ = ("a", "b")


class Above(Below):
    __slots__ = ("c", "d")

    def __init__(self) -> None:
        raise AssertionError("a copy is not made by its class")


class Loose(Below):
    """Has a ``__dict__`` too, which is empty, and can be referred to weakly."""


NAMES = {Below: ("a", "b"), Above: ("a", "b", "c", "d"), Loose: ("a", "b")}
things = st.one_of(st.none(), st.integers(), st.text(max_size=3), st.tuples(st.integers()))


def slots_of(one: object) -> dict[str, Any]:
    """Return what stands in the slots of an object; those that are unset are left out."""
    return {
        name: getattr(one, name)
        for kind in type(one).__mro__
        for name, member in vars(kind).items()
        if isinstance(member, MemberDescriptorType) and hasattr(one, name)
    }


@given(data=st.data(), kind=st.sampled_from([Below, Above, Loose]))
def test_copies_are_those_that_plain_python_makes(data: st.DataObject, kind: type[Any]) -> None:
    first = kind.__new__(kind)
    for name in NAMES[kind]:
        if data.draw(st.booleans(), label=f"{name} is set"):
            setattr(first, name, data.draw(things))
    varying = data.draw(st.lists(st.sampled_from(NAMES[kind]), min_size=1, unique=True))
    rows = data.draw(st.integers(0, 5))
    columns = [[data.draw(things) for _ in range(rows)] for _ in varying]
    made = Prototype(first, varying).make(*columns)
    twins = OraclePrototype(first, varying).make(*columns)
    assert [type(one) for one in made] == [kind] * rows
    assert [slots_of(one) for one in made] == [slots_of(one) for one in twins]
    for one in made:
        shared = {name: value for name, value in slots_of(one).items() if name not in varying}
        assert all(value is getattr(first, name) for name, value in shared.items())


def test_a_copy_lives_alone_and_gives_back_what_it_refers_to() -> None:
    class Held:
        pass

    first = Above.__new__(Above)
    first.a, first.b = Held(), Held()
    shared, own = weakref.ref(first.a), weakref.ref(first.b)
    prototype = Prototype(first, ["b"])
    one, two = prototype.make([first.b, None])
    del first, prototype
    gc.collect()
    one.c = "changed"
    assert not hasattr(two, "c")
    assert shared() is two.a
    assert own() is one.b
    del one
    gc.collect()
    assert own() is None
    two.b = two  # a cycle
    del two
    gc.collect()
    assert shared() is None


def test_an_object_with_a_dict_gets_one_of_its_own_and_may_be_referred_to_weakly() -> None:
    first = Loose()
    one, two = Prototype(first, ["a"]).make([1, 2])
    one.more = 3
    assert (vars(one), vars(two), vars(first)) == ({"more": 3}, {}, {})
    assert weakref.ref(one)() is one


def test_what_changes_in_the_instance_later_is_in_later_copies() -> None:
    first = Below()
    first.a = "before"
    prototype = Prototype(first, ["b"])
    (one,) = prototype.make([1])
    first.a = "after"
    (two,) = prototype.make(iter([2]))
    assert (one.a, one.b, two.a, two.b) == ("before", 1, "after", 2)
    assert prototype.names == ("b",)


def _full() -> Loose:
    one = Loose()
    one.more = 1  # type: ignore[attr-defined]
    return one


class Wide:
    __slots__ = tuple(f"s{n}" for n in range(65))


class Own:
    __slots__ = ("a",)

    def __new__(cls) -> Self:
        return super().__new__(cls)


@pytest.mark.parametrize(
    ("made", "names", "error", "why"),
    [
        (_full, ["a"], TypeError, "outside of its slots"),
        (Own, ["a"], TypeError, "a __new__ of its own"),
        (list, ["a"], TypeError, "a __new__ of its own"),
        (Wide, ["s0"], TypeError, "65 slots"),
        (Below, ["a", "a"], ValueError, "each once"),
        (Below, ["e"], ValueError, "allowed a, b"),
    ],
)
def test_what_cannot_be_copied_is_refused_with_its_reason(
    made: Callable[[], object], names: list[str], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        Prototype(made(), names)


@pytest.mark.parametrize("columns", [(), ([1],), ([1], [1, 2]), ([1], [2], [3])])
def test_columns_that_do_not_fit_make_nothing(columns: tuple[list[int], ...]) -> None:
    with pytest.raises(ValueError):
        Prototype(Below(), ["a", "b"]).make(*columns)
