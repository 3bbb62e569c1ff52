"""The checklist in the docs: its tests exist, its switches are those of the code, no claim is bare."""

import os
import re

import pytest

from mcagent.emulator.settings import Settings

HERE = os.path.dirname(__file__)
PAGE = os.path.join(HERE, "..", "..", "docs", "emulator-checklist.md")
STATES = ("implemented", "switch", "fault rule", "not offered")
SWITCHES = frozenset(Settings().as_dict())


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rows_between(mark, text):
    """The cells of all tables between <!-- mark --> and <!-- end of mark -->, without heads."""
    rows = []
    for table in re.findall(rf"<!-- {mark} -->\n(.*?)<!-- end of {mark} -->", text, re.DOTALL):
        lines = [line for line in table.splitlines() if line]
        assert all(line.startswith("| ") and line.endswith(" |") for line in lines[2:])
        rows += [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]
    return rows


TEXT = read(PAGE)
ITEMS = rows_between("checklist", TEXT)
UNKNOWNS = rows_between("unknowns", TEXT)


def functions_of(name):
    path = os.path.join(HERE, f"test_{name}.py")
    return set(re.findall(r"^def (test_\w+)\(", read(path), re.MULTILINE))


def named_switches(text):
    return {word for word in re.findall(r"`([a-z_0-9]+)`", text) if word in SWITCHES}


@pytest.mark.parametrize("row", ITEMS, ids=lambda row: row[0][:60])
def test_a_row_says_how_it_stands_and_names_tests_that_exist(row):
    item, state, shown = row
    assert item
    assert state.startswith(STATES), state
    proofs = re.findall(r"`(\w+)::(\w+)`", shown)
    assert len(shown.split()) == len(proofs), "only tests stand in the last cell"
    for name, function in proofs:
        assert function in functions_of(name), f"{name}::{function}"
    if state.startswith("not offered"):
        assert len(state.partition(":")[2].split()) >= 3, "the reason is missing"
        assert not proofs
    else:
        assert proofs, "a claim without a test"
    if re.search(r"\bswitch(es)?\b", state):
        assert named_switches(item + state), "which switch?"


def test_every_switch_is_named_in_a_row_and_no_other():
    """Promise: who wants to know what a switch is for finds the item, and the test of it."""
    told = "".join(f"{item} {state} " for item, state, _ in ITEMS)
    assert SWITCHES - named_switches(told) == set()
    for _, state, _ in ITEMS:
        listed = re.findall(r"switch(?:es)? ((?:`\w+`(?:, )?)+)", state)
        for word in re.findall(r"`(\w+)`", " ".join(listed)):
            assert word in SWITCHES, word


def test_every_question_has_an_answer_and_its_switch_exists():
    assert len(UNKNOWNS) > 30
    for question, answer, switch in UNKNOWNS:
        assert question
        assert answer
        assert not switch or switch.strip("`") in SWITCHES, switch


def test_the_checker_sees_a_row_that_lies():
    """Break the page in three ways: each is found."""
    good = ["item", "implemented", "`strict::test_every_switch_of_strict_has_its_breach_here`"]
    test_a_row_says_how_it_stands_and_names_tests_that_exist(good)
    for lie in (
        ["item", "implemented", "`strict::test_that_nobody_wrote`"],
        ["item", "implemented", ""],
        ["item", "not offered", ""],
        ["item", "done", good[2]],
        ["item", "switch `colour`", good[2]],
    ):
        with pytest.raises(AssertionError):
            test_a_row_says_how_it_stands_and_names_tests_that_exist(lie)
