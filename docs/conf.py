"""Sphinx: `tox -e docs` builds with every warning as an error."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import mcagent

project = "mcagent"
author = "The mcagent maintainers"
copyright = author
version = release = mcagent.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3
nitpicky = True

# Annotations are quoted and name imports made for type checkers only: they are shown as written.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_custom_sections = [("Source", "returns_style")]

html_theme = "furo"
html_title = f"mcagent {version}"


def setup(app):
    # Napoleon takes "text: more" in the first line of a property for its type; an empty comment
    # before it prevents that. 400: before napoleon, which listens at 500.
    def keep_colon(_app, what, _name, _object, _options, lines):
        if what == "property":
            lines[:0] = ["..", ""]

    app.connect("autodoc-process-docstring", keep_colon, priority=400)
