"""Small is a feature: the portable modules stay small. The wheel: test_packaging.py."""

from tests.source_tree import code_lines, modules, portable_modules

# The goal is the design's; the ceiling is what was reached (docs/adr/0013).
PORTABLE_GOAL_LINES = 3000
PORTABLE_MAX_LINES = 10_200  # docs/adr/0013 says what each raise bought
FILE_MAX_LINES = 400


def test_portable_modules_stay_small(figure):
    """Code counts; comments, docstrings and blank lines do not."""
    lines = {name: code_lines(path) for name, path in portable_modules().items()}
    total = sum(lines.values())
    verdict = "within" if total <= PORTABLE_GOAL_LINES else "OVER"
    figure(
        "portable modules",
        f"{total} lines of code in {len(lines)} files, {verdict} the goal of {PORTABLE_GOAL_LINES}",
    )
    figure("whole package", f"{sum(map(code_lines, modules().values()))} lines of code")
    assert total < PORTABLE_MAX_LINES, sorted(lines.items(), key=lambda item: -item[1])[:10]


def test_no_file_outgrows_one_idea():
    """A module of more than 400 lines, all counted, holds more than one idea."""
    long = []
    for name, path in modules().items():
        with open(path, encoding="utf-8") as file:
            if sum(1 for _line in file) > FILE_MAX_LINES:
                long.append(name)
    assert long == []


def test_code_lines_counts_code_only(tmp_path):
    """The counter itself: docstrings, comments and blank lines are free, long calls are not."""
    path = tmp_path / "sample.py"
    path.write_text(
        '"""Docstring\nof two lines."""\n\n# comment\nX = 1  # counted\n\n\n'
        'def f():\n    """Doc."""\n    return g(\n        "a",\n    )\n'
    )
    assert code_lines(path) == 5
