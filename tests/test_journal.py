"""The log of a service: each line with its level in the journal, with a time elsewhere."""

import logging
import os
import subprocess
import sys

from mcagent.journal import JournalFormatter, is_journal

SCRIPT = """
import logging
import mcagent
mcagent.log_to_stderr()
logging.getLogger("press").debug("not shown")
logging.getLogger("press").info("it turns")
logging.getLogger("press").warning("two\\nlines")
import warnings
warnings.warn("old use")
raise ValueError("the end")
"""


def errors_of(stream):
    """What the script writes to a pipe whose JOURNAL_STREAM is *stream*; "" is that of the pipe."""
    read, write = os.pipe()
    state = os.fstat(write)
    script = subprocess.Popen(
        [sys.executable, "-W", "always", "-c", SCRIPT],
        stderr=write,
        env=dict(os.environ, JOURNAL_STREAM=stream or f"{state.st_dev}:{state.st_ino}"),
    )
    os.close(write)
    with open(read, encoding="utf-8") as file:
        text = file.read()
    assert script.wait(90) == 1
    return text.splitlines()


def test_the_journal_gets_levels_on_each_line_and_no_times():
    lines = errors_of("")
    assert lines[:3] == ["<6>press: it turns", "<4>press: two", "<4>lines"]
    assert any(line.startswith("<4>py.warnings: ") and "old use" in line for line in lines)
    last = lines[lines.index("<2>mcagent: the program ends") :]
    assert len(last) > 2
    assert all(line.startswith("<2>") for line in last)
    assert last[-1] == "<2>ValueError: the end"


def test_a_terminal_or_a_file_gets_times_and_names_of_levels():
    """JOURNAL_STREAM is inherited by what a service starts: only the stream itself counts."""
    lines = errors_of("1:1")
    assert lines[0].endswith(" INFO press: it turns")
    assert lines[0][:2] == "20"
    assert not [line for line in lines if line.startswith("<")]


def test_a_closed_stream_is_no_journal():
    assert not is_journal(987, {"JOURNAL_STREAM": "1:1"})
    assert not is_journal(2, {})


def test_each_level_has_its_number():
    formatter = JournalFormatter("%(message)s")
    for level, begin in ((50, "<2>"), (40, "<3>"), (30, "<4>"), (20, "<6>"), (10, "<7>")):
        record = logging.LogRecord("x", level, "", 0, "words", (), None)
        assert formatter.format(record) == begin + "words"
