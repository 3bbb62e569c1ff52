"""README and docs: their Python runs, their links lead somewhere, their commands are ours."""

import json
import os
import re

import pytest

from mcagent.emulator import Emulator
from tests.source_tree import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def pages():
    """README and every written page of docs, as paths in the repository."""
    found = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    for folder, folders, files in os.walk(os.path.join(ROOT, "docs")):
        folders[:] = [name for name in folders if not name.startswith("_")]
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if name.endswith(".md") and path != os.path.join("docs", "footprint.md"):
                found.append(path)
    return sorted(found)


def text_of(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        return file.read()


def blocks(page, language):
    """The fenced blocks of *page* in *language*, in order."""
    return [text for name, text in BLOCK.findall(text_of(page)) if name == language]


@pytest.mark.parametrize("page", [page for page in pages() if blocks(page, "python")])
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """What a reader copies works, against a hub and with the files that the page names."""
    with Emulator(tls=False) as hub:
        boarding = hub.create_agent("press-7", automap=True)
        (tmp_path / "agentconfig.json").write_text(json.dumps(boarding))
        (tmp_path / "report.pdf").write_bytes(b"%PDF-1.4\n")
        monkeypatch.chdir(tmp_path)
        names = {}
        for block in blocks(page, "python"):
            exec(compile(block, page, "exec"), names)
        assert names["report"].pending == 0
        assert names["report"].set_aside == 0


@pytest.mark.parametrize("page", pages())
def test_local_links_lead_somewhere(page):
    """A renamed page takes its links along."""
    folder = os.path.dirname(os.path.join(ROOT, page))
    made = {"docs/footprint.md"}
    broken = [
        link
        for link in LINK.findall(text_of(page))
        if not os.path.exists(os.path.join(folder, link))
        and os.path.relpath(os.path.join(folder, link), ROOT) not in made
    ]
    assert broken == []


def test_readme_has_the_two_commands_first():
    """CI takes them from there: the demo, then the tests."""
    demo, tests = blocks("README.md", "sh")
    assert demo.count("\n") == 1
    assert demo.rstrip().endswith(".venv/bin/mcagent demo")
    assert tests.count("\n") == 1
    assert ".venv/bin/tox" in tests


def test_readme_names_every_python_that_is_tested():
    """The README's claim and tox say the same."""
    for version in ("3.10", "3.11", "3.12", "3.13"):
        assert version in text_of("README.md")
