"""mcagent/runtime: `json` stands in where ujson has no wheel, and nobody sees a difference."""

import json
import sys

from hypothesis import given
from hypothesis import strategies as st

from mcagent.runtime import json_string
from tests.runtime import test_text

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def test_without_ujson_the_text_is_the_same(monkeypatch):
    """The portable tests pass again."""
    monkeypatch.setitem(sys.modules, "ujson", None)
    test_text.test_every_character_of_interest()
    test_text.test_escapes_that_look_like_others()


@given(TEXT)
def test_any_text_is_written_as_json_writes_it(text):
    """And reads back."""
    assert json_string(text) == json.dumps(text, ensure_ascii=False)
    assert json.loads(json_string(text)) == text
