"""Build of the native extensions; everything else stands in pyproject.toml.

Every extension is named: a globbed list that matches nothing would silently build a pure wheel.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = (
    "asking",
    "batch",
    "bundle",
    "calls",
    "committer",
    "desk",
    "digests",
    "eager",
    "entry",
    "fast_path",
    "frames",
    "interlock",
    "lease",
    "limit",
    "line",
    "mailbox",
    "marks",
    "names",
    "parts",
    "prototype",
    "pump",
    "relay",
    "results",
    "sending",
    "storm",
    "stream",
    "table",
    "ticket",
    "under_way",
    "window",
    "wording",
)
DEBUG = os.environ.get("JACQUEMART_DEBUG") == "1"
#: Extensions that are made at a time.
PARALLEL = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

extensions = [
    Extension(
        f"jacquemart.native.{name}",
        [f"jacquemart/native/{name}.pyx"],
        extra_compile_args=["-O0", "-g"] if DEBUG else ["-O3"],
        libraries=["dl"] if name in ("committer", "limit", "pump", "stream") else [],
    )
    for name in NATIVE
]

setup(
    options={"build_ext": {"parallel": PARALLEL}},
    ext_modules=cythonize(
        extensions,
        nthreads=PARALLEL,
        language_level=3,
        compiler_directives={
            "boundscheck": DEBUG,
            "wraparound": False,
            "cdivision": False,
            "initializedcheck": DEBUG,
            "embedsignature": True,
        },
    ),
)
