"""mcagent/services/paging.py: iterators that give everything once, and end."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.errors import RemoteError
from mcagent.services.paging import (
    Page,
    by_offset,
    content_page,
    hal_page,
    next_link,
    numbered,
)
from mcagent.transport.http import Response
from tests.helpers import raises


def things(count):
    return [{"id": number} for number in range(count)]


def hal(found, number, size, *, page=True, links=True):
    pages = -(-len(found) // size)
    answer = {}
    part = found[number * size : (number + 1) * size]
    if part:
        answer["_embedded"] = {"assets": part}
    if page:
        answer["page"] = {"number": number, "totalPages": pages, "size": size}
    if links:
        answer["_links"] = {"self": {"href": "x"}}
        if number + 1 < pages:
            answer["_links"]["next"] = {"href": "y"}
    return answer


@given(st.integers(0, 40), st.integers(1, 7), st.booleans(), st.booleans())
def test_hal_lists_come_whole_whatever_the_server_says_of_their_end(count, size, page, links):
    """With `page`, with links, with both, with neither."""
    found = things(count)
    asked = []

    def fetch(number):
        asked.append(number)
        return hal_page(hal(found, number, size, page=page, links=links), "assets", "x")

    assert list(numbered(fetch, size=size, doing="x")) == found
    told = page or links
    assert len(asked) <= (max(1, -(-count // size)) if told else -(-count // size) + 1)


@given(st.integers(0, 40), st.integers(1, 7), st.sampled_from(["last", "totalPages", ""]))
def test_content_lists_come_whole(count, size, told):
    """Agent management and MindConnect."""
    found = things(count)
    pages = max(1, -(-count // size))

    def fetch(number):
        answer = {"content": found[number * size : (number + 1) * size]}
        if told == "last":
            answer["last"] = number >= pages - 1
        if told == "totalPages":
            answer.update(number=number, totalPages=pages)
        return content_page(answer, "x")

    assert list(numbered(fetch, size=size, doing="x")) == found


@given(st.integers(0, 40), st.integers(1, 7))
def test_lists_by_offset_come_whole(count, limit):
    """The file service: a bare array, and an empty one is the last."""
    found = things(count)
    assert list(by_offset(lambda at, most: found[at : at + most], limit=limit, doing="x")) == found


@given(st.integers(0, 40), st.integers(1, 9), st.integers(1, 9))
def test_a_service_that_gives_fewer_than_asked_for_and_says_nothing_loses_nothing(
    count, size, cap
):
    """Its pages are never full: the first that is empty is the end, at the cost of one request."""
    found = things(count)
    cap = min(cap, size)
    asked = []

    def fetch(number):
        asked.append(number)
        return Page(found[number * cap : (number + 1) * cap], None)

    def part(at, most):
        asked.append(at)
        return found[at : at + min(cap, most)]

    assert list(numbered(fetch, size=size, doing="x")) == found
    assert len(asked) == -(-count // cap) + 1
    asked.clear()
    assert list(by_offset(part, limit=size, doing="x")) == found
    assert len(asked) == -(-count // cap) + 1


def test_a_service_that_knows_no_pages_gives_its_list_once():
    """It answers whatever page is asked for with everything, fewer than asked for."""
    found = things(3)
    assert list(numbered(lambda _number: Page(found, None), size=5, doing="x")) == found
    assert list(by_offset(lambda _at, _most: found, limit=5, doing="x")) == found


def test_the_greatest_offset_behind_a_page_that_is_not_full_is_no_error():
    """There is nothing to ask for: not even whether that was all."""
    found = things(11)
    items = by_offset(lambda at, most: found[at : at + most], limit=5, most=10, doing="x")
    assert list(items) == found


def test_nothing_is_asked_for_before_it_is_needed():
    """An iterator holds one page."""
    asked = []

    def fetch(number):
        asked.append(number)
        return Page(things(2), False) if not number else Page([{"id": "end"}], True)

    items = numbered(fetch, size=2, doing="x")
    assert asked == []
    next(items)
    assert asked == [0]


def test_a_server_that_repeats_its_page_is_found_out():
    """It would go round for ever."""
    error = raises(
        RemoteError, list, numbered(lambda _n: Page(things(2), False), size=2, doing="listing x")
    )
    assert error.message.startswith("listing x: ")
    raises(RemoteError, list, by_offset(lambda _a, _m: things(2), limit=2, doing="x"))


def test_a_promise_behind_an_empty_page_is_found_out():
    """Neither an end that loses something nor a loop."""
    raises(RemoteError, list, numbered(lambda _n: Page([], False), size=2, doing="x"))


def test_a_list_longer_than_the_service_gives_is_an_error_at_its_end():
    """What could be had was given."""
    got = []
    items = by_offset(
        lambda at, most: [{"id": at + n} for n in range(most)], limit=5, most=9, doing="x"
    )
    error = raises(RemoteError, lambda: [got.append(item) for item in items])
    assert len(got) == 10
    assert "9" in error.message


@pytest.mark.parametrize(
    "answer", [None, [], 3, "x", {"content": 3}, {"content": [{}, None]}, {"content": None}, {}]
)
def test_answers_of_another_form_are_errors(answer):
    """Not a TypeError, nor an empty list: who finds nothing there makes everything again."""
    error = raises(RemoteError, content_page, answer, "listing agents")
    assert error.message.startswith("listing agents: the platform's answer (200) has ")
    if isinstance(answer, dict):
        embedded = (
            {"_embedded": {"assets": answer["content"]}} if answer.get("content") else answer
        )
        answer = embedded if embedded != answer else {"_embedded": 3}
    raises(RemoteError, hal_page, answer, "assets", "listing assets")


@pytest.mark.parametrize("answer", [{}, {"page": 1}, {"_embedded": None}, {"_embedded": {}}])
def test_where_there_is_nothing_its_member_may_be_missing(answer):
    """In HAL."""
    assert hal_page(answer, "assets", "x").items == []


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ('<https://x/a?b=1,2&c=3>; rel="next"', "https://x/a?b=1,2&c=3"),
        ("<https://x/a>; rel=next", "https://x/a"),
        ('<https://x/p>; rel="prev", <https://x/n>; rel="next"', "https://x/n"),
        ('<https://x/n>; title="a;b, c"; rel="last next"', "https://x/n"),
        ('<https://x/a>; rel="prev"', ""),
        ("https://x/a", ""),
        ("", ""),
    ],
)
def test_the_next_link_is_found_among_others(header, address):
    """RFC 8288."""
    assert next_link(Response(200, {"link": header})) == address


def test_hal_pages_of_the_hub_are_read_to_their_end(platform):
    """Seven assets, three a page, over TLS."""
    session = platform.session()
    for number in range(7):
        platform.hub.create_asset(f"pump-{number}")

    def fetch(number):
        query = {"page": number, "size": 3, "filter": json.dumps({"name": {"startsWith": "pump"}})}
        answer = session.get_json("/api/assetmanagement/v3/assets", query)
        return hal_page(answer, "assets", "x")

    names = [asset["name"] for asset in numbered(fetch, size=3, doing="x")]
    assert sorted(names) == [f"pump-{number}" for number in range(7)]
