"""The exchange parser against bytes written by hand from agent API 6.2 and 6.4.1."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.emulator.multipart import MalformedBody, boundary_of, read_exchange

META = b'{"type":"item"}'
# Agent API 6.4.1: the example item as the C library emits it; CR LF, no final line end.
C_LAYOUT = b"\r\n".join(
    [
        b"--Q7x2mK9LpR4tVbN0sDfG",
        b"Content-Type: multipart/related;boundary=aZ81kfPq02LmXyT7uW3e",
        b"",
        b"--aZ81kfPq02LmXyT7uW3e",
        b"Content-Type: application/vnd.siemens.mindsphere.meta+json",
        b"",
        META,
        b"--aZ81kfPq02LmXyT7uW3e",
        b"Content-Type: application/json",
        b"",
        b'[{"timestamp":"2026-01-05T08:00:00.000Z","values":[]}]',
        b"--aZ81kfPq02LmXyT7uW3e--",
        b"--Q7x2mK9LpR4tVbN0sDfG--",
    ]
)
C_TYPE = "multipart/mixed;boundary=Q7x2mK9LpR4tVbN0sDfG;charset=utf-8"
# The same message in the Node client's layout: LF, with one CR LF before the inner close.
NODE_LAYOUT = (
    b"--mindspheremessage\n"
    b"Content-Type:multipart/related;boundary=mindspherepart\n"
    b"\n"
    b"--mindspherepart\n"
    b"Content-Type:application/vnd.siemens.mindsphere.meta+json\n"
    b"\n"
    b'{\n    "type": "item"\n}\n'
    b"\n"
    b"--mindspherepart\n"
    b"Content-Type:application/json\n"
    b"\n"
    b'[{ "timestamp":"2026-01-05T08:00:00.000Z", "values": [] }]\n'
    b"\n"
    b"\r\n"
    b"--mindspherepart--\n"
    b"--mindspheremessage--\n"
)
NODE_TYPE = "multipart/mixed; boundary=mindspheremessage"


def item(payload=b"x", meta=META, inner=b"I", end=b"\r\n", kind=b"application/octet-stream"):
    return end.join(
        [
            b"--O",
            b"Content-Type: multipart/related;boundary=" + inner,
            b"",
            b"--" + inner,
            b"Content-Type: application/vnd.siemens.mindsphere.meta+json",
            b"",
            meta,
            b"--" + inner,
            b"Content-Type: " + kind,
            b"",
            payload,
            b"--" + inner + b"--",
            b"",
        ]
    )


def read(body, content_type="multipart/mixed;boundary=O"):
    return read_exchange(content_type, body)


def test_c_library_layout_is_read():
    (part,) = read_exchange(C_TYPE, C_LAYOUT)
    assert part.metadata == META
    assert part.content_type == "application/json"
    assert part.payload == b'[{"timestamp":"2026-01-05T08:00:00.000Z","values":[]}]'


def test_node_layout_is_read():
    (part,) = read_exchange(NODE_TYPE, NODE_LAYOUT)
    assert part.metadata.strip() == b'{\n    "type": "item"\n}'
    assert part.payload.strip() == b'[{ "timestamp":"2026-01-05T08:00:00.000Z", "values": [] }]'


def test_several_items_keep_their_order_and_may_share_an_inner_boundary():
    parts = read(item(b"one") + item(b"two") + item(b"three", inner=b"J") + b"--O--")
    assert [part.payload for part in parts] == [b"one", b"two", b"three"]


def test_text_before_the_first_and_after_the_last_delimiter_is_ignored():
    body = b'--form\r\nContent-Disposition: form-data; name="x"\r\n\r\n' + item(b"x")
    assert read(body + b"--O--\r\nepilogue --O\r\n--form--")[0].payload == b"x"


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/mixed; boundary="O"',
        "multipart/mixed;charset=utf-8; boundary=O",
        "multipart/mixed;Boundary=O ;charset=utf-8",
        'Multipart/Mixed ; charset="utf;8" ; BOUNDARY="\\O"',
    ],
)
def test_boundary_parameter_is_found_wherever_it_stands(content_type):
    assert read(item(b"x") + b"--O--", content_type)[0].payload == b"x"


def test_quoted_boundary_may_hold_what_a_token_may_not():
    assert boundary_of('multipart/mixed; boundary="a b=c;d?"'.replace(";d", ":d")) == b"a b=c:d?"


def test_boundary_of_one_item_may_begin_with_that_of_the_other():
    body = item(b"x", inner=b"OO") + b"--O--"
    assert read(body)[0].payload == b"x"


def test_delimiter_text_inside_a_line_or_with_more_behind_it_is_payload():
    payload = b"x --I--\r\n--Ix\r\n-- I\r\n--I-\r\n\r\n"
    assert read(item(payload) + b"--O--")[0].payload == payload


def test_space_after_a_delimiter_is_transport_padding():
    body = (item(b"x") + b"--O--").replace(b"--I\r\n", b"--I \t\r\n")
    assert read(body)[0].payload == b"x"


@pytest.mark.parametrize("payload", [b"", b"\r\n", b"\n", b"\r", b"a\r\n\r\n", b"\x00\xff\n--"])
def test_exactly_one_line_end_belongs_to_the_delimiter(payload):
    assert read(item(payload) + b"--O--")[0].payload == payload


@given(
    payloads=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
    preamble=st.sampled_from([b"", b"hello\r\n", b"\n"]),
    tail=st.sampled_from([b"", b"\n", b"\r\n", b"\r\nepilogue"]),
)
def test_any_payload_comes_back_byte_for_byte(payloads, preamble, tail):
    """Promise: a file's bytes are never touched (boundaries that do not occur in them)."""
    body = preamble + b"".join(
        item(payload, inner=b"zq81kfPq02LmXyT7uW3e").replace(b"--O\r\n", b"--Q7x2mK9LpR4tVbN0\r\n")
        for payload in payloads
    )
    parts = read(
        body + b"--Q7x2mK9LpR4tVbN0--" + tail, "multipart/mixed;boundary=Q7x2mK9LpR4tVbN0"
    )
    assert [part.payload for part in parts] == payloads


REFUSED = {
    "no boundary parameter": (item() + b"--O--", "multipart/mixed"),
    "empty boundary": (item() + b"--O--", "multipart/mixed;boundary="),
    "boundary of another alphabet": (item() + b"--O--", "multipart/mixed;boundary=\xff"),
    "boundary too long": (item() + b"--O--", "multipart/mixed;boundary=" + "x" * 71),
    "empty body": (b"", "multipart/mixed;boundary=O"),
    "no items": (b"--O--", "multipart/mixed;boundary=O"),
    "no outer close": (item(), "multipart/mixed;boundary=O"),
    "cut in the payload": ((item() + b"--O--")[:-20], "multipart/mixed;boundary=O"),
    "no inner close": (
        (item() + b"--O--").replace(b"--I--\r\n", b""),
        "multipart/mixed;boundary=O",
    ),
    "one level only": (
        b"--O\r\nContent-Type: application/json\r\n\r\n{}\r\n--O--",
        "multipart/mixed;boundary=O",
    ),
    "three levels": (
        item(kind=b"multipart/related;boundary=K", payload=b"--K--") + b"--O--",
        "multipart/mixed;boundary=O",
    ),
    "metadata not first": (
        (item() + b"--O--").replace(b"vnd.siemens.mindsphere.meta+json", b"json"),
        "multipart/mixed;boundary=O",
    ),
    "metadata alone": (
        item().partition(b"\r\n--I\r\nContent-Type: application/octet")[0] + b"\r\n--I--\r\n--O--",
        "multipart/mixed;boundary=O",
    ),
    "three parts": (
        (item() + b"--O--").replace(b"--I--", b"--I\r\n\r\nmore\r\n--I--"),
        "multipart/mixed;boundary=O",
    ),
    "no blank line after the header": (
        b"--O\r\nContent-Type: multipart/related;boundary=I\r\n--O--",
        "multipart/mixed;boundary=O",
    ),
    "not a header": (
        (item() + b"--O--").replace(b"Content-Type: app", b"nonsense app"),
        "multipart/mixed;boundary=O",
    ),
    "item without a type": (b"--O\r\n\r\nx\r\n--O--", "multipart/mixed;boundary=O"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_grammar_is_refused(name):
    body, content_type = REFUSED[name]
    with pytest.raises(MalformedBody):
        read_exchange(content_type, body)


@given(
    cut=st.integers(0, len(C_LAYOUT)),
    length=st.integers(0, 40),
    patch=st.one_of(st.binary(max_size=12), st.sampled_from([b"\n", b"--", b"\r\n\r\n", b":"])),
)
def test_damaged_bodies_are_read_or_refused_never_worse(cut, length, patch):
    body = C_LAYOUT[:cut] + patch + C_LAYOUT[cut + length :]
    try:
        read_exchange(C_TYPE, body)
    except MalformedBody:
        pass


@given(st.text(max_size=80), st.binary(max_size=200))
def test_any_content_type_and_body_are_read_or_refused(parameters, body):
    try:
        read_exchange(f"multipart/mixed;{parameters}", body)
    except MalformedBody:
        pass
