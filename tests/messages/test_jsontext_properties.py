"""mcagent/messages/jsontext.py against the standard library's json."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.errors import InvalidMessage
from mcagent.messages.jsontext import encode

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=30
)


@given(VALUES)
def test_any_object_is_written_as_json_writes_it(value):
    """Byte for byte, with members sorted, and it reads back."""
    text = encode(value)
    assert text == json.dumps(
        value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    assert json.loads(text) == value


class Tricky:
    """What ujson would call."""

    def toDict(self):  # noqa: N802
        return {"a": 1}

    def __json__(self):
        return "1"


@pytest.mark.parametrize(
    "value", [Decimal("1.5"), Tricky(), {("a", 1): 1}, {b"a": 1}, 1j, range(3)]
)
def test_what_other_encoders_guess_is_refused(value):
    """ujson rounds Decimal and calls methods of strangers."""
    with pytest.raises(InvalidMessage):
        encode(value)


def test_integers_of_thousands_of_digits_are_refused():
    """CPython does not print them, and that is no crash."""
    with pytest.raises(InvalidMessage, match=r"details\.n"):
        encode({"n": 10**5000}, "details")
