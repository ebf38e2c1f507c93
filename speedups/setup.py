"""Compiles the one module; everything else is in pyproject.toml."""

from __future__ import annotations

import sys

from Cython.Build import cythonize
from setuptools import setup

if sys.byteorder != "little":
    sys.exit("gdpeers-speedups is for little-endian processors; gdpeers works without it.")
setup(ext_modules=cythonize("gdpeers_speedups.py", language_level=3))
