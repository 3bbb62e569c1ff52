"""Tables and progress as text."""

from mcagent.cli.display import Display, table


def test_table_aligns_columns_and_puts_numbers_right():
    """Columns are as wide as their widest cell."""
    text = table([("a", 1, None), ("long", 200, 0.25)], ("name", "n", "x"))
    assert text.splitlines() == ["name  n    x", "a       1", "long  200  0.2"]


def test_progress_is_a_line_now_and_then(capsys):
    """A log file is not flooded; what is said stays."""
    with Display() as display:
        for step in range(100):
            display.progress(step / 100, "reading")
        display.say("done")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("done")
