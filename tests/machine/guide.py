"""The commands of docs/guides/run-as-a-service.md: what it says is what is run."""

import os
import re

from tests.source_tree import ROOT

_GUIDE = os.path.join(ROOT, "docs", "guides", "run-as-a-service.md")


def commands(words):
    """The one block for a shell that holds *words*."""
    with open(_GUIDE, encoding="utf-8") as file:
        blocks = re.findall(r"^```sh\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    (block,) = [text for text in blocks if words in text]
    return block


def changed(text, *changes):
    """*text* with ``(from, to)`` of *changes*; each must be there."""
    for before, after in changes:
        assert before in text, (before, text)
        text = text.replace(before, after)
    return text
