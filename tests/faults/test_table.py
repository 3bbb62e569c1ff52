"""docs/reliability.md says what the tests of this folder do; and the judge catches what it should."""

import pytest

from mcagent.buffer import Buffer
from tests.faults import table
from tests.faults.oracle import KINDS, Ledger, judge, payload, small_settings

_LANE = "events"


def test_every_row_of_the_page_is_a_test(request):
    """A row without its test, and a test without its row, are found."""
    if request.config.getoption("--write-reliability", default=False):
        pytest.skip("this run writes the page")
    assert set(table.rows_of_page()) == table.rows_of_tests()


def test_every_zero_of_the_page_is_zero():
    """What cannot be zero would stand in the text, with its reason."""
    for row, (positions, *counts) in table.rows_of_page().items():
        assert positions > 0, row
        assert counts == [0, 0, 0, 0], row


@pytest.fixture
def story(tmp_path):
    """Three events, written and noted: (directory, ledger)."""
    ledger = Ledger()
    directory = str(tmp_path / "b")
    buffer = Buffer(directory, settings=small_settings())
    buffer.open()
    for number in (1, 2, 3):
        data = payload(_LANE, number, 100)
        ledger.put(_LANE, buffer.append(_LANE, KINDS[_LANE], data), number)
    buffer.close()
    ledger.settle(_LANE, 3)
    return directory, ledger


def _counts(outcome):
    return outcome.lost, outcome.wrong, outcome.duplicates, outcome.refused


def test_judge_is_content(story):
    """Nothing happened, nothing is found."""
    outcome = judge(*story)
    assert _counts(outcome) == (0, 0, 0, 0)
    assert outcome.delivered[_LANE] == {1: 1, 2: 2, 3: 3}


def test_judge_misses_a_lost_record(story):
    """One that was promised and never came."""
    directory, ledger = story
    ledger.put(_LANE, 4, 4)
    ledger.settle(_LANE, 4)
    assert _counts(judge(directory, ledger)) == (1, 0, 0, 0)


def test_judge_excuses_a_damaged_record(story):
    """One that was harmed itself."""
    directory, ledger = story
    ledger.put(_LANE, 4, 4)
    ledger.settle(_LANE, 4)
    assert _counts(judge(directory, ledger, damaged={(_LANE, 4)})) == (0, 0, 0, 0)


def test_judge_sees_other_bytes(story):
    """A record that holds what was put under another number, or by nobody."""
    directory, ledger = story
    ledger.durable[_LANE][2] = 99
    assert _counts(judge(directory, ledger)) == (0, 1, 0, 0)


def test_judge_sees_bytes_that_nobody_put(story):
    """Intact for the buffer, and yet not what was given to it."""
    directory, ledger = story
    buffer = Buffer(directory, settings=small_settings())
    buffer.open()
    buffer.append(_LANE, KINDS[_LANE], payload(_LANE, 4, 100)[:-3] + b'?"}')
    buffer.close()
    assert _counts(judge(directory, ledger)) == (0, 1, 0, 0)


def test_judge_sees_a_repetition(story):
    """Delivered although it was answered."""
    directory, ledger = story
    ledger.answered[_LANE].add(1)
    assert _counts(judge(directory, ledger)) == (0, 0, 1, 0)
    assert Ledger().reused == 0


def test_judge_sees_a_number_used_twice():
    """The second record under a number that was durable."""
    ledger = Ledger()
    ledger.read(b"put events 1 1\ndurable events 1\nput events 1 2\n")
    assert ledger.reused == 1


def test_judge_sees_a_refused_start(tmp_path):
    """A file where the directory should be."""
    (tmp_path / "b").write_text("")
    assert judge(str(tmp_path / "b"), Ledger()).refused == 1
