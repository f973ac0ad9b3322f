"""How Sphinx builds the documentation: `make docs`."""

project = "xnat-import"
author = "The xnat-import developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinxcontrib.mermaid"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "xnat-import"
exclude_patterns = ["_build"]
