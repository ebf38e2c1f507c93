"""The site that ``make docs`` builds.

Sphinx reads the pages where they lie, with the repository as its source: a link that works on a
Git host works on the site.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "extensions")]

project = "gdpeers"
author = "The gdpeers authors"
root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "demos/**/README.md",
    "clients/**/README.md",
    "benchmarks/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = [".*", "build", "dist", "tests", "**/node_modules"]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "block_lexers",
    "inner_links",
    "public_members",
]

myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_use_ivar = True
add_module_names = False
suppress_warnings = ["ref.python"]  # two classes are called Node
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "gdpeers"
html_extra_path = ["extensions/index.html"]  # leads from the root of the site to docs/index.html
html_theme_options = {"navigation_with_keys": True}
