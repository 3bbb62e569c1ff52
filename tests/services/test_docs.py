"""docs/services.md: its code runs, its tables are the code's, the tests that it names exist."""

import os
import re
import stat

import pytest

from mcagent.services.typetable import strings_markdown, types_markdown
from tests.services.plant import make_asset
from tests.source_tree import ROOT


def page():
    with open(os.path.join(ROOT, "docs", "services.md"), encoding="utf-8") as file:
        return file.read()


def part(name):
    """What stands between `% name` and `% end of name`."""
    found = re.search(
        rf"^% {name}\b[^\n]*\n(.*?)^% end of {name}$", page(), re.MULTILINE | re.DOTALL
    )
    assert found, name
    return found.group(1).strip()


def test_the_page_prints_the_codes_tables():
    """Of types and of the ten examples."""
    assert part("types") == types_markdown()
    assert part("strings") == strings_markdown()


NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", page())))


def test_the_page_names_tests_in_every_row():
    """Of the tables of tasks and limits; the first two say what is shown here and at the hub."""
    assert len(NAMED) > 90
    shown = page().partition("## What the platform describes")[2].partition("\n## ")[0]
    rows = [line for line in shown.splitlines() if re.match(r"\| (?!task)", line)]
    assert len(rows) > 60
    assert [row for row in rows if "`tests/" not in row and "](interop.md" not in row] == []


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_the_page_names_exists(path, name):
    """A renamed test takes its row along."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        assert re.search(rf"^def {name}\(", file.read(), re.MULTILINE)


def test_the_pages_python_runs(platform, tmp_path, monkeypatch, capsys):
    """Block after block, with the names that it takes for granted."""
    import json

    given = {**platform.application(), "gateway": platform.hub.url}
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(given))
    path.chmod(stat.S_IRUSR)
    monkeypatch.chdir(tmp_path)
    names = {"asset": make_asset(platform), "ca_file": platform.hub.ca_file}
    blocks = re.findall(r"^```py\n(.*?)^```$", page(), re.MULTILINE | re.DOTALL)
    for block in blocks:
        exec(compile(block, "services.md", "exec"), names)
    assert len(blocks) == 6
    assert names["written"].records == 2
    assert "when they came" in capsys.readouterr().out
    names["session"].close()
