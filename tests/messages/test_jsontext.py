# portable
"""mcagent/messages/jsontext.py: user objects as JSON, the same text everywhere."""

from mcagent.errors import InvalidMessage
from mcagent.messages.jsontext import MAX_DEPTH, encode, encode_object
from tests.helpers import raises


def nested(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


def test_known_texts():
    """Compact, members sorted by code point, UTF-8 as it is."""
    for value, text in (
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(10**40), "-1" + "0" * 40),
        (0.1, "0.1"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (100.0, "100.0"),
        ("", '""'),
        ('a"\\/\n\x7f\u2028\U0001f600', '"a\\"\\\\/\\n\x7f\u2028\U0001f600"'),
        ([], "[]"),
        ((1, "a", None), '[1,"a",null]'),
        ({}, "{}"),
        (
            {"b": {"z": [], "a": {}}, "a": 1, "": 2, "B": 3},
            '{"":2,"B":3,"a":1,"b":{"a":{},"z":[]}}',
        ),
        (
            {"\U00010000": 1, "\uffff": 2, "\u00e9": 3, "z": 4},
            '{"z":4,"é":3,"\uffff":2,"\U00010000":1}',
        ),
    ):
        assert encode(value) == text


def test_what_json_cannot_hold_is_refused_with_its_path():
    """The message leads to the place."""
    for value, path in (
        ({"a": [1, {"b": float("nan")}]}, "details.a[1].b"),
        ({"a": float("-inf")}, "details.a"),
        ({"a": b"x"}, "details.a"),
        ({"a": {1, 2}}, "details.a"),
        ({"a": object()}, "details.a"),
        ({"a": {7: 1}}, "details.a"),
        ({"a": {None: 1}}, "details.a"),
        ({"a": chr(0xD800)}, "details.a"),
        ({chr(0xDFFF): 1}, "details."),
    ):
        error = raises(InvalidMessage, encode, value, "details")
        assert path in error.message
        assert error.hint
        assert len(error.message) < 250


def test_depth_is_bounded():
    """At the limit it passes, one beyond does not; what contains itself ends there."""
    assert encode(nested(MAX_DEPTH)) == "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH
    assert str(MAX_DEPTH) in raises(InvalidMessage, encode, nested(MAX_DEPTH + 1)).message
    loop = {}
    loop["loop"] = [loop]
    error = raises(InvalidMessage, encode, loop, "details")
    assert "contain itself" in error.hint
    assert len(error.message) < 250


def test_objects_only_where_objects_belong():
    """None is an empty one; lists and text are none."""
    assert encode_object(None, "details") == "{}"
    assert encode_object({"a": 1}, "details") == '{"a":1}'
    for value in ([], "{}", 7, True):
        assert "details" in raises(InvalidMessage, encode_object, value, "details").message
