"""docs/credentials.md shows the tables that the code runs."""

import os

from mcagent.credentials import table
from tests.source_tree import ROOT


def rows(*first):
    """Rows of the table whose header begins with the cells *first*."""
    with open(os.path.join(ROOT, "docs", "credentials.md"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    header = "| " + " | ".join(first) + " |"
    start = lines.index(header) + 2
    found = []
    for line in lines[start:]:
        if not line.startswith("|"):
            return found
        found.append(tuple(cell.strip().strip("`") for cell in line.strip("|").split("|")))
    return found


def test_states():
    assert dict(rows("state", "meaning")) == table.MEANING


def test_transitions():
    shown = {(state, event): end for state, event, end in rows("state", "event", "next state")}
    assert shown == table.TRANSITIONS


def test_answers():
    for operation, good, refused, _rest in rows("request", "good", "refused", "everything else"):
        answers = dict.fromkeys((int(status) for status in refused.split(",")), table.NO)
        answers[int(good)] = table.TAKEN
        assert answers == table.ANSWERS[operation]
