"""docs/wire-format.md: its examples are the golden bytes, its sizes are the code's."""

import os
import re

from mcagent.messages.multipart import max_file_bytes
from tests.messages.golden import golden
from tests.source_tree import ROOT


def page():
    with open(os.path.join(ROOT, "docs", "wire-format.md"), encoding="utf-8") as file:
        return file.read()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)\n```$", page(), re.MULTILINE | re.DOTALL)


def test_the_body_is_the_golden_one():
    """What the page shows is what the tests hold the code to."""
    (body,) = blocks("text")
    assert body.encode().replace(b"\n", b"\r\n") == golden("timeseries.body")


def test_the_payloads_are_golden_ones():
    """Sample, event and model."""
    sample, event, model = blocks("json")
    mixed = golden("mixed.body")
    assert event.encode() in mixed
    assert model.encode() in mixed
    assert sample[:-2].encode() in mixed


def test_the_example_of_a_files_size_is_right():
    """The figure in the text."""
    assert f"{max_file_bytes('a.txt'):_}".replace("_", " ") + " bytes" in page()
