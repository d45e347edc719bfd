"""Texts with parameters in braces: whole-number arithmetic, or words put together.

``"{base} + 3 * {n}"`` is a number, ``"bank/{n}/level"`` is text. A text is arithmetic if, its
parameters apart, it has only digits, ``+ - * ( )`` and blanks, and none of its parameters is
itself text. There is no ``eval``: numbers, three operations and parentheses are all there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jacquemart.runtime.model.errors import ConfigError

#: A parameter within a text. Braces around anything else mean nothing.
PARAMETER = re.compile(r"\{([a-z][a-z0-9_]{0,31})\}")
#: Parentheses and signs inside of each other.
DEEPEST = 30
#: Results are numbers that every protocol's arithmetic can hold.
LARGEST = 2**63 - 1

_ARITHMETIC = re.compile(r"[0-9+\-*() ]*")
_TOKEN = re.compile(r" *(?:([0-9]{1,18})(?![0-9])|\{([a-z][a-z0-9_]{0,31})\}|([-+*()]))")

Step = int | str
"""Of a program for a stack: a number, a parameter as ``{name}``, or an operation."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled text.

    Attributes:
        text: as it was written.
        names: its parameters, each once.
        program: how to compute it; None if it can only be text.
        fault: why it is no arithmetic, though it has the signs of one.
    """

    text: str
    names: tuple[str, ...]
    program: tuple[Step, ...] | None = None
    fault: str = ""

    def value(self, values: Mapping[str, Any]) -> Any:
        """Return the text or number that these parameters give.

        Raises:
            ConfigError: a parameter is missing, the text is no arithmetic, or its result is too
                large: the operator's fault; a retry cannot help.
        """
        for name in self.names:
            if name not in values:
                raise ConfigError(f"{self.text!r} has no value for parameter {name!r}")
        if self.text == f"{{{self.names[0]}}}":
            return values[self.names[0]]
        numbers = all(type(values[name]) is int for name in self.names)
        if numbers and self.program is not None:
            return self._computed(self.program, values)
        if numbers and self.fault:
            raise ConfigError(f"{self.text!r} cannot be computed: {self.fault}")
        return PARAMETER.sub(lambda found: str(values[found[1]]), self.text)

    def _computed(self, program: tuple[Step, ...], values: Mapping[str, Any]) -> int:
        stack: list[int] = []
        for step in program:
            if isinstance(step, int):
                stack.append(step)
            elif len(step) > 2:
                stack.append(values[step[1:-1]])
            elif step == "-1":
                stack.append(-stack.pop())
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(
                    left + right if step == "+" else left - right if step == "-" else left * right
                )
            if not -LARGEST <= stack[-1] <= LARGEST:
                raise ConfigError(f"{self.text!r} is too large a number")
        return stack[0]


@lru_cache(maxsize=4096)
def expression(text: str) -> Expression | None:
    """Return the expression that a text is; None if it has no parameter."""
    names = tuple(dict.fromkeys(PARAMETER.findall(text)))
    if not names:
        return None
    if not _ARITHMETIC.fullmatch(PARAMETER.sub("", text)):
        return Expression(text, names)
    reader = _Reader(text)
    try:
        reader.sum(0)
        reader.end()
    except _Unreadable as error:
        return Expression(text, names, fault=str(error))
    return Expression(text, names, tuple(reader.program))


class _Unreadable(Exception):
    pass


class _Reader:
    """Recursive descent: sum = product (+|- product)*; product = factor (* factor)*."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self.program: list[Step] = []
        self._kind = self._token = ""
        self._next()

    def _next(self) -> None:
        found = _TOKEN.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
            self._kind = ("number", "name", "sign")[(found.lastindex or 1) - 1]
            self._token = found[found.lastindex or 1]
        elif self._text[self._at :].strip():
            raise _Unreadable("a number of more than 18 digits")
        else:
            self._kind = self._token = ""

    def end(self) -> None:
        if self._kind:
            raise _Unreadable(f"{self._token!r} is not expected there")

    def sum(self, depth: int) -> None:
        self._chain(depth, "+-", self._product)

    def _product(self, depth: int) -> None:
        self._chain(depth, "*", self._factor)

    def _chain(self, depth: int, signs: str, part: Any) -> None:
        part(depth)
        while self._kind == "sign" and self._token in signs:
            sign = self._token
            self._next()
            part(depth)
            self.program.append(sign)

    def _factor(self, depth: int) -> None:
        if depth > DEEPEST:
            raise _Unreadable(f"it is nested more than {DEEPEST} deep")
        kind, token = self._kind, self._token
        if kind == "number":
            self.program.append(int(token))
        elif kind == "name":
            self.program.append(f"{{{token}}}")
        elif token in ("+", "-"):
            self._next()
            self._factor(depth + 1)
            if token == "-":
                self.program.append("-1")
            return
        elif token == "(":
            self._next()
            self.sum(depth + 1)
            if self._token != ")":
                raise _Unreadable("a parenthesis is not closed")
        else:
            raise _Unreadable(f"{token!r} is not expected there" if token else "it ends too early")
        self._next()
