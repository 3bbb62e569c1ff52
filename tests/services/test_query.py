"""mcagent/services/query.py and etag.py: addresses and versions as the gateway takes them."""

from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.services.etag import ETag
from mcagent.services.query import address, encode_query, path
from mcagent.transport.http import Response


def test_plus_is_sent_as_percent_2b():
    """Or an offset of +02:00 would arrive as a blank (the platform's overview)."""
    assert encode_query({"from": "2017-09-21T14:08:00+02:00"}) == (
        "from=2017-09-21T14:08:00%2B02:00"
    )


def test_braces_quotes_bars_and_blanks_are_encoded():
    """The gateway is strict about RFC 3986."""
    encoded = encode_query({"filter": '{"name": {"in": ["a|b"]}}'})
    assert not set('{}[]" |') & set(encoded)


@given(st.dictionaries(st.text(min_size=1, max_size=9), st.text(min_size=1, max_size=9)))
def test_every_query_arrives_as_it_was_meant(query):
    """Whatever stands in it."""
    got = parse_qsl(urlsplit(address("https://x", "/a", query)).query, keep_blank_values=True)
    assert dict(got) == query


@given(st.lists(st.text(max_size=9), min_size=1))
def test_every_segment_stays_one_segment(segments):
    """An aspect's name may hold a slash."""
    made = path("/api/x", *segments)
    assert [unquote(part) for part in made.split("/")[3:]] == segments


def test_values_that_are_not_given_are_left_out():
    """None is no text; a bool is a word; nothing at all leaves no question mark."""
    assert encode_query({"a": None, "b": True, "c": 0}) == "b=true&c=0"
    assert address("https://x/", "/a", {"a": None}) == "https://x/a"
    assert encode_query([("a", 1), ("a", 2)]) == "a=1&a=2"


@pytest.mark.parametrize("given_", ['"7"', 'W/"7"', "7", 7, " 7 "])
def test_an_etag_is_the_same_in_all_its_forms(given_):
    """Headers quote it, bodies hold an integer; it goes back bare."""
    assert ETag.read(given_) == ETag("7")
    assert ETag.read(given_).header == "7"


@pytest.mark.parametrize("given_", [None, "", '""', True, 1.5, [], "W/"])
def test_what_is_no_etag_is_none(given_):
    """Nothing is made up for If-Match."""
    assert ETag.read(given_) is None


def test_the_etag_of_an_answer_is_its_headers_or_its_bodys():
    """Agent management has `eTag`, the HAL services `etag`."""
    assert ETag.of(Response(200, {"etag": '"3"'}, b'{"etag": 9}')) == ETag("3")
    assert ETag.of(Response(200, {}, b'{"etag": 9}')) == ETag("9")
    assert ETag.of(Response(200, {}, b'{"eTag": "8"}')) == ETag("8")
    assert ETag.of(Response(200, {}, b"[]")) is None
