"""Compiles the one module; everything else is in pyproject.toml."""

from __future__ import annotations

from Cython.Build import cythonize
from setuptools import setup

setup(ext_modules=cythonize("gdpeers_speedups.py", language_level=3))
