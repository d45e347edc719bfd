"""Build of the native extensions; everything else stands in pyproject.toml.

Every extension is named: a globbed list that matches nothing would silently build a pure wheel.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

NATIVE = ("batch", "frames", "mailbox", "pump", "table")
DEBUG = os.environ.get("JACQUEMART_DEBUG") == "1"

extensions = [
    Extension(
        f"jacquemart.native.{name}",
        [f"jacquemart/native/{name}.pyx"],
        extra_compile_args=["-O0", "-g"] if DEBUG else ["-O3"],
        libraries=["dl"] if name == "pump" else [],
    )
    for name in NATIVE
]

setup(
    ext_modules=cythonize(
        extensions,
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
