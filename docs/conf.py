"""How the site is built from these pages: ``make docs``."""

import fnmatch
import importlib
import re
import sys
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

project = "verto_resilience"
author = "the verto_resilience project"
project_copyright = "the verto_resilience project, Apache-2.0"
version = release = installed("verto-resilience")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["changes/*", "generate/*", "reliability/*"]
nitpicky = True
nitpick_ignore_regex = [
    # no inventory of another project is fetched: the site builds without the internet
    (r"py:.*", r"(?!verto_resilience\b).*"),
    (r"py:.*", r"verto_resilience(\.\w+)*\._\w+.*"),
]

myst_enable_extensions = ["attrs_block"]
myst_heading_anchors = 3

autodoc_class_signature = "separated"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
pygments_style = "friendly"
pygments_dark_style = "github-dark"

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)\)")
_OPTION = re.compile(r'<span class="pre">(?=-)')
PUBLIC = ("verto_resilience", "verto_resilience.testing", "verto_resilience.flight")


def public_names() -> list[str]:
    """Give what the public packages list, and what they have where an extra is installed."""
    found = []
    for package in PUBLIC:
        module = importlib.import_module(package)
        names = [*module.__all__, *getattr(module, "_OF_EXTRAS", ())]
        found += [f"{package}.{name}" for name in dict.fromkeys(names)]
    return found


def complete(_app: Sphinx, page: str, source: list[str]) -> None:
    """Add to a page that lists others what it does not name: no page and no name is left out."""
    if page == "index":
        source[0] = _all_pages(source[0])
    if page == "api":
        left = [name for name in public_names() if f":: {name}\n" not in source[0]]
        source[0] += "".join(["\n## Others\n" if left else "", *map(_entry, left)])
    folder = (HERE / page).parent
    # A browser of repositories shows a folder; the site has none to show.
    source[0] = _LINK.sub(
        lambda link: link[1] if (folder / link[2]).is_dir() else link[0], source[0]
    )


def _all_pages(text: str) -> str:
    """Put pages in the place of patterns, which may fit none, and those in no list at the end."""
    lines = text.splitlines()
    found = [
        path.relative_to(HERE).with_suffix("").as_posix() for path in sorted(HERE.rglob("*.md"))
    ]
    left = [name for name in found if name not in {"index", *lines} and "changes/" not in name]
    written = []
    for line in lines:
        if re.fullmatch(r"[\w/-]+\*", line):
            fitting = fnmatch.filter(left, line)
            left = [name for name in left if name not in fitting]
            written += fitting
        else:
            written.append(line)
    return "\n".join([*written, _toctree("More", left)])


def _toctree(caption: str, pages: list[str]) -> str:
    listed = "\n".join(pages)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```\n" if pages else ""


def _entry(name: str) -> str:
    module, _, last = name.rpartition(".")
    thing = getattr(importlib.import_module(module), last)
    kind = "data" if last.isupper() else "class" if isinstance(thing, type) else "function"
    if kind == "class" and issubclass(thing, BaseException):
        kind = "exception"
    members = "\n   :members:\n   :show-inheritance:" if kind in {"class", "exception"} else ""
    return f"\n```{{eval-rst}}\n.. auto{kind}:: {name}{members}\n```\n"


def keep_options_whole(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Mark the words of code that begin with a hyphen, after which a browser would end a line."""
    if "body" in context:
        context["body"] = _OPTION.sub('<span class="pre whole">', context["body"])


def setup(app: Sphinx) -> None:
    """Ask to see each page before it is read; what lists others is read each time."""
    app.connect("source-read", complete)
    app.connect("html-page-context", keep_options_whole)
    app.connect("env-get-outdated", lambda *_: {"index", "api"})
