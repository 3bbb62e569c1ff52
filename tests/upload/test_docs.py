"""docs/upload.md prints the table that the code runs."""

import os

from mcagent.upload.outcome import TABLE

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "upload.md")


def test_the_documented_table_is_the_one_that_runs():
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    part = text[text.index("<!-- outcome table") : text.index("<!-- end -->")]
    printed = [line for line in part.splitlines() if line.startswith("|")][2:]
    assert printed == [
        "| %s | %s | %s | %s |"
        % (
            row.answer,
            row.outcome,
            "%d s" % (row.cap_ms // 1000) if row.cap_ms else "",
            row.meaning,
        )
        for row in TABLE
    ]
