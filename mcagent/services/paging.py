"""Lists that come in pages, as iterators that end: also where a server says nothing, or lies.

Each function asks for a page when its last element was taken, so that nothing is held but one
page. Whatever would make a client ask for ever is an error instead.

A page that is not full is no end: the service may give fewer at a time than it was asked for.
Where it does not say that a page is the last, the next one is asked for, until one is empty.
"""

import re
from typing import NamedTuple

from ..errors import RemoteError
from .errors import require

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator

    from ..transport.http import Response

_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w*-]+\s*=\s*(?:\"[^\"]*\"|[^\s\",;]*))*)")
_REL_NEXT = re.compile(r";\s*rel\s*=\s*\"?([^\";]*)\"?", re.IGNORECASE)


class Page(NamedTuple):
    """The elements of one page; `last` is None where the answer does not say whether it is."""

    items: "list[dict[str, Any]]"
    last: "bool | None"


def next_link(response: "Response") -> str:
    """The address in ``Link: <…>; rel="next"`` (RFC 8288); ``""`` where there is none.

    For telling that there is more. It is not to be requested as it stands: it may lead to another
    host, which must not see a token, or round in a circle.
    """
    for address, parameters in _LINK.findall(response.header("link")):
        relation = _REL_NEXT.search(parameters)
        if relation is not None and "next" in relation.group(1).lower().split():
            return str(address)
    return ""


def hal_page(answer: "Any", member: str, doing: str) -> Page:
    """A page of asset or event management: ``_embedded.<member>``, ``page``, ``_links.next``.

    Raises:
        RemoteError: The answer is none. Read as an empty page, what is there would be made again.
    """
    body = require(dict, answer, doing)
    embedded = body.get("_embedded")
    # Where there is nothing the member may be missing.
    items = None if embedded is None else require(dict, embedded, doing).get(member)
    page = body.get("page")
    links = body.get("_links")
    last = _is_last(page) if isinstance(page, dict) else None
    if last is None and isinstance(links, dict) and links:
        last = "next" not in links
    return Page([] if items is None else objects(items, doing), last)


def content_page(answer: "Any", doing: str) -> Page:
    """A page of agent management or MindConnect: ``content``, ``last``, ``totalPages``.

    Raises:
        RemoteError: As for `hal_page`.
    """
    body = require(dict, answer, doing)
    last = body.get("last")
    items = objects(body.get("content"), doing)
    return Page(items, last if isinstance(last, bool) else _is_last(body))


def numbered(
    fetch: "Callable[[int], Page]", *, size: int, doing: str
) -> "Iterator[dict[str, Any]]":
    """The elements of all pages.

    Args:
        fetch: Gives the page of a number, from 0.
        size: How many elements a page was asked for. One with fewer that comes again as the next
            one, from a service that says nothing of pages, is the whole list: it knows none.
        doing: For the error.

    Raises:
        RemoteError: The server repeats a page, or promises more behind an empty one.
    """
    before: "list[dict[str, Any]]" = []
    number = 0
    while True:
        page = fetch(number)
        if page.items and page.items == before:
            if page.last is None and len(before) < size:
                return
            raise loop_error(doing, f"page {number} is page {number - 1} again")
        yield from page.items
        if page.last or (page.last is None and not page.items):
            return
        if not page.items:
            raise loop_error(doing, f"page {number} is empty, and there shall be more behind it")
        before = page.items
        number += 1


def by_offset(
    fetch: "Callable[[int, int], list[dict[str, Any]]]",
    *,
    limit: int,
    doing: str,
    most: "int | None" = None,
) -> "Iterator[dict[str, Any]]":
    """The elements of a list that is asked for by offset; the first empty page ends it.

    Args:
        fetch: Gives the elements from an offset, at most so many.
        limit: How many to ask for at a time; a page with fewer that comes again: see `numbered`.
        doing: For the error.
        most: The greatest offset that the service takes; None for any.

    Raises:
        RemoteError: The server repeats a page, or the list is longer than may be asked for.
    """
    before: "list[dict[str, Any]]" = []
    offset = 0
    while True:
        items = fetch(offset, limit)
        if items and items == before:
            if len(before) < limit:
                return
            raise loop_error(doing, f"the elements from {offset} are those from {offset - limit}")
        yield from items
        if not items:
            return
        before = items
        offset += len(items)
        if most is not None and offset > most:
            if len(items) < limit:
                return  # most likely the end: nobody can ask
            raise RemoteError(
                f"{doing}: there are more than {offset}, and the service gives none beyond {most}",
                status=200,
                hint="ask for a part of them, with a filter",
            )


def loop_error(doing: str, what: str) -> RemoteError:
    """The error for a server whose pages do not lead on."""
    return RemoteError(
        f"{doing}: the pages do not lead on ({what})",
        status=200,
        hint="this is a fault of the server; what came before it is complete and in order",
    )


def _is_last(page: "dict[str, Any]") -> "bool | None":
    number, total = page.get("number"), page.get("totalPages")
    if isinstance(number, int) and isinstance(total, int):
        return number + 1 >= total
    return None


def objects(value: "Any", doing: str) -> "list[dict[str, Any]]":
    """A list of objects.

    Raises:
        RemoteError: It is none, or has something else among them.
    """
    return [require(dict, item, doing) for item in require(list, value, doing)]
