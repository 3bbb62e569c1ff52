"""mcagent/services/errors.py: every form of a refusal becomes one error, and no form breaks it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.services.errors import holds, read_words, remote_error, roles_of
from mcagent.transport.http import Response

LOGREF = "0a1b2c3d"
# Services API 7.1, row by row: body, code, words, correlation id.
FORMS = [
    (
        {
            "timestamp": "2026-03-04T05:06:07.089+00:00",
            "status": 404,
            "error": "Not found",
            "message": "[6410] Unable to find the property set - motr",
            "path": "/v3/timeseries/0f/motr",
        },
        ("6410", "[6410] Unable to find the property set - motr", ""),
    ),
    ({"id": "mindconnect.notFound", "message": "No."}, ("mindconnect.notFound", "No.", "")),
    (
        {
            "timestamp": 1,
            "status": 400,
            "error": "Bad",
            "exception": "java.lang.X",
            "message": "No.",
            "path": "/",
        },
        ("", "No.", ""),
    ),
    (
        {"errors": [{"code": "1", "errorcode": "9", "logref": LOGREF, "message": "No."}]},
        ("9", "No.", LOGREF),
    ),
    ([{"logref": LOGREF, "message": "No."}, {"message": "other"}], ("", "No.", LOGREF)),
    (
        {"errors": [{"code": "mdsp.core.generic.noMatch", "message": "No.", "logref": LOGREF}]},
        ("mdsp.core.generic.noMatch", "No.", LOGREF),
    ),
    (
        {"error": "unauthorized", "error_description": "Bad credentials"},
        ("", "Bad credentials", ""),
    ),
    ({"error": "unauthorized"}, ("", "unauthorized", "")),
    ({"message": "API rate limit exceeded"}, ("", "API rate limit exceeded", "")),
]


@pytest.mark.parametrize(("body", "words"), FORMS)
def test_each_form_gives_code_words_and_correlation(body, words):
    """The services disagree; the caller sees one error."""
    assert tuple(read_words(Response(400, {}, json.dumps(body).encode()))) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no healthy upstream", "no healthy upstream"),
        (b"<html><body>Bad gateway</body></html>", "an HTML page"),
        (b"", ""),
        (b"\xff\xfe\x00\x01\x02", "5 bytes that are not text"),
        (b"[]", "[]"),
        (b'{"errors": []}', '{"errors": []}'),
        (b'{"errors": ["x"]}', '{"errors": ["x"]}'),
    ],
)
def test_what_is_no_form_is_told_as_it_is(content, words):
    """Never a failure of ours on top of theirs."""
    assert read_words(Response(502, {}, content)).message == words


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["errors", "message", "id", "code", "error", "logref", "x"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_breaks_the_reading(content):
    """Whatever a server sends, an error comes of it, with its status and at most 200 characters."""
    error = remote_error(Response(418, {}, content), doing="x", correlation_id="c")
    assert error.status == 418
    assert len(error.reason) <= 200
    assert error.correlation_id


def test_long_words_are_cut_and_made_one_line():
    """An error is a line."""
    error = remote_error(
        Response(400, {}, json.dumps({"message": "a\nb" * 300}).encode()),
        doing="x",
        correlation_id="",
    )
    assert "\n" not in error.message
    assert len(error.reason) <= 200


@pytest.mark.parametrize(
    ("granted", "scope", "held"),
    [
        (("iot.tim.r",), "iot.tim.r", True),
        (("mdsp:core:iot.tim.r",), "iot.tim.r", True),
        (("mdsp:core:iot.timUser",), "iot.tim.r", True),
        (("mdsp:core:iot.timUser",), "iot.tim.w", False),
        (("mdsp:core:iot.timAdmin",), "iot.tim.d", True),
        (("mdsp:core:mindconnect.fullaccess",), "map.c", True),
        (("mdsp:core:assetmanagement.standarduser",), "asm.u", False),
        ((), "iot.tim.r", False),
    ],
)
def test_scopes_are_known_by_name_and_by_role(granted, scope, held):
    """Tokens carry either."""
    assert holds(granted, scope) is held


def test_roles_agree_with_the_emulators_own():
    """An independent table: whoever holds a scope there is named here, but for read-only roles."""
    from mcagent.emulator.scopes import OPERATIONS, ROLES

    for scope in {scope for scope in OPERATIONS.values() if scope}:
        for role in roles_of(scope):
            assert scope in ROLES[role], (scope, role)
        if any(scope in held for held in ROLES.values()) and not scope.startswith("iot.b"):
            assert roles_of(scope), scope
