"""Parts of docs/reliability.md that a run writes, each between marks of its own.

`--write-reliability` of pytest asks for it; what is written is what that run saw, with its date.
"""

import os
import platform
import time

from tests.source_tree import ROOT

PAGE = os.path.join(ROOT, "docs", "reliability.md")


def marks(environment):
    """The two lines around the part that ``tox -e`` *environment* writes."""
    return f"<!-- begin: written by tox -e {environment} -->", f"<!-- end: {environment} -->"


def write(environment, lines, page=PAGE):
    """Put *lines*, and the circumstances of this run, between the marks of *environment*."""
    text, head, tail = _parts(environment, page)
    del text
    inside = [marks(environment)[0], "", *lines, "", circumstances(), "", marks(environment)[1]]
    with open(page, "w", encoding="utf-8") as file:
        file.write(head + "\n".join(inside) + tail)


def read(environment, page=PAGE):
    """The lines that the page has between the marks of *environment*."""
    return _parts(environment, page)[0].split("\n")


def rows(environment, page=PAGE):
    """The rows of the tables in it, as lists of cells, heads and rules left out."""
    found = []
    for line in read(environment, page):
        if line.startswith("|---"):
            found.pop()
        elif line.startswith("| "):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def table(head, cells):
    """*cells*, rows of texts and numbers, as a table in Markdown under *head*."""
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return lines + ["| " + " | ".join(map(number, row)) + " |" for row in cells]


def number(value):
    """A number as the page writes it; a text stays."""
    if isinstance(value, float):
        return f"{value:,.1f}".replace(",", " ")
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else value


def circumstances():
    return "Run on %s: %s %s, %s, %s %s." % (
        time.strftime("%Y-%m-%d", time.gmtime()),
        platform.system(),
        platform.release(),
        platform.machine(),
        platform.python_implementation(),
        platform.python_version(),
    )


def _parts(environment, page):
    with open(page, encoding="utf-8") as file:
        text = file.read()
    begin, end = marks(environment)
    if text.count(begin) != 1 or text.count(end) != 1:
        raise ValueError(f"{page} lacks the marks of tox -e {environment}")
    head, _begin, rest = text.partition(begin)
    inside, _end, tail = rest.partition(end)
    return inside, head, tail
