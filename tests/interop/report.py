"""docs/interop.md: the table of operations, as a complete run saw them."""

import os

from .operations import ROWS, SCHEMES, verdict
from .outside import NOT_OFFERED, SENDS_NOTHING

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "interop.md")
BEGIN = "<!-- %s: written by tox -e interop -- --write-interop -->"
END = "<!-- end of %s -->"


def operations_table(verdict=verdict):
    """Give the table's lines, from what was recorded unless *verdict* says otherwise."""
    lines = ["| operation | http | https | what was compared |", "|---|---|---|---|"]
    for name in sorted(ROWS, key=sorting):
        cells = [verdict(name, scheme) for scheme in SCHEMES]
        lines.append("| `%s` | %s | %s | %s |" % (name, *cells, ROWS[name]))
    return lines


def sorting(name):
    """Commands last; inside a class by name."""
    return name.startswith("mc "), name


def outside_table():
    lines = ["| what | why not |", "|---|---|"]
    lines += ["| `%s` | %s |" % (name, why) for name, why in sorted(NOT_OFFERED.items())]
    return lines


def local_list():
    return [", ".join("`%s`" % name for name in sorted(SENDS_NOTHING)) + "."]


def parts(verdict=verdict):
    return {
        "operations": operations_table(verdict),
        "outside": outside_table(),
        "local": local_list(),
    }


def incomplete():
    """Give the operations that did not pass by both schemes."""
    return sorted(
        name for name in ROWS if any(verdict(name, scheme) != "yes" for scheme in SCHEMES)
    )


def replaced(page, name, lines):
    """Give *page* with the part *name* between its markers replaced."""
    begin, end = BEGIN % name, END % name
    before, _, rest = page.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError("docs/interop.md has no part %r" % name)
    return before + "\n".join([begin, "", *lines, "", end]) + after


def write():
    """Write the page of a complete run in which everything passed; give what is missing if not."""
    missing = incomplete()
    if missing:
        return "docs/interop.md is not written, these did not pass: " + ", ".join(missing)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    for name, lines in parts().items():
        page = replaced(page, name, lines)
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(page)
    return "docs/interop.md is written"
