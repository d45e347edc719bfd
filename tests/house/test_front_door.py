"""What ``import jacquemart`` offers."""

from __future__ import annotations

import pickle
import subprocess
import sys

import jacquemart
from jacquemart.runtime.model import errors


def test_every_public_name_is_there() -> None:
    for name in jacquemart.__all__:
        assert getattr(jacquemart, name) is not None
    assert set(jacquemart.__all__) >= {"City", "Client", "AsyncClient", "Outcome", "Quality"}


def test_the_front_door_opens_without_ray() -> None:
    code = (
        "import sys, jacquemart; jacquemart.Client; "
        "assert not any(m == 'ray' or m.startswith('ray.') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def every_error(kind: type[errors.JacquemartError]) -> list[type[errors.JacquemartError]]:
    return [kind, *(deeper for child in kind.__subclasses__() for deeper in every_error(child))]


def test_every_error_survives_the_way_through_ray() -> None:
    for kind in every_error(errors.JacquemartError):
        if kind.__module__ != errors.__name__:
            continue
        error = kind("it broke", where="link a", advice="mend it")
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind
        assert str(again) == "link a: it broke (mend it)"
        assert again.retryable == error.retryable


def test_every_error_code_is_of_one_error_only() -> None:
    kinds = every_error(errors.JacquemartError)
    codes = [kind.code for kind in kinds if kind.__module__ == errors.__name__]
    assert len(codes) == len(set(codes)), sorted(codes)
    for code in codes:
        assert errors.error_from_code(code, "x").code == code
