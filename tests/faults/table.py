"""The table of docs/reliability.md: written by a run, read back by a test."""

import ast
import os
import platform
import re
import time

from tests.source_tree import ROOT

PAGE = os.path.join(ROOT, "docs", "reliability.md")
BEGIN, END = "<!-- begin: written by tox -e faults -->", "<!-- end -->"
AREAS = ("process", "power", "media", "space", "files", "load")
_COLUMNS = (
    "fault",
    "positions tried",
    "records lost beyond the damaged",
    "wrong records delivered",
    "duplicates beyond the documented",
    "refused starts",
)


class Row:
    """One fault: how often it was tried, and the sum of what came of it."""

    def __init__(self, area, fault):
        assert area in AREAS
        self.area = area
        self.fault = fault
        self.outcomes = []
        self.positions = 0

    def add(self, outcomes, positions=None):
        """What came out; *positions* where one outcome judges several."""
        outcomes = list(outcomes)
        self.outcomes += outcomes
        self.positions += positions or len(outcomes)

    @property
    def sums(self):
        names = ("lost", "wrong", "duplicates", "refused")
        return [sum(getattr(each, name) for each in self.outcomes) for name in names]

    @property
    def clean(self):
        return not any(self.sums)

    def notes(self):
        bad = [each for each in self.outcomes if not each.clean]
        notes = [note for each in bad for note in each.notes]
        return f"{self.fault}: {len(bad)} of {self.positions} positions: {notes[:10]}"

    def text(self):
        return "| " + " | ".join([self.fault, *map(_number, [self.positions, *self.sums])]) + " |"


def _number(value):
    return f"{value:,}".replace(",", " ")


def write(rows, extent):
    """Put *rows* between the markers of the page; *extent* says how much was tried."""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    lines = [BEGIN]
    for area in AREAS:
        inside = [row for row in rows if row.area == area]
        if inside:
            lines += ["", f"## {area.capitalize()}", "", "| " + " | ".join(_COLUMNS) + " |"]
            lines += ["|---|" + "---:|" * 5]
            lines += [row.text() for row in sorted(inside, key=lambda row: row.fault)]
    lines += ["", _circumstances(extent), "", END]
    before, after = page[: page.index(BEGIN)], page[page.index(END) + len(END) :]
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + "\n".join(lines) + after)


def _circumstances(extent):
    return "Run on %s, %s: %s %s, %s, %s %s." % (
        time.strftime("%Y-%m-%d", time.gmtime()),
        extent,
        platform.system(),
        platform.release(),
        platform.machine(),
        platform.python_implementation(),
        platform.python_version(),
    )


def rows_of_page():
    """(area, fault) -> the five numbers, as the page has them."""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    part = page[page.index(BEGIN) : page.index(END)]
    found = {}
    area = ""
    for line in part.splitlines():
        if line.startswith("## "):
            area = line[3:].lower()
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == len(_COLUMNS) and re.fullmatch(r"[0-9 ]+", cells[1]):
            found[area, cells[0]] = [int(cell.replace(" ", "")) for cell in cells[1:]]
    return found


def rows_of_tests():
    """(area, fault) of every `row("area", "fault", …)` in the tests of this folder."""
    found = set()
    folder = os.path.dirname(__file__)
    for name in sorted(os.listdir(folder)):
        if name.startswith("test_") and name.endswith(".py"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found |= set(_rows_in(ast.parse(file.read())))
    return found


def _rows_in(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "row":
            yield tuple(argument.value for argument in node.args[:2])
