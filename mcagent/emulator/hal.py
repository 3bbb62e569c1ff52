"""Lists and etags of the application side: HAL envelopes, `page` and `size` (services API 5.1)."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from .answers import Refusal, encode
from .breaches import Breaches

HAL = "application/hal+json"
_PAGE_MAX = 1_000_000


class Listing(NamedTuple):
    """How a service lists: the member of `_embedded`, sizes, and what it sorts by."""

    member: str
    size_default: int
    size_max: int
    sort_default: str
    sortable: frozenset[str]
    embeds_nothing: bool = (
        False  # `_embedded` with an empty list, instead of none, where nothing matched
    )


def hal(value: Any, status: int = 200, headers: "dict[str, str] | None" = None) -> Response:
    return Response(encode(value), status, headers, media_type=HAL)


def resource(request: Request, value: dict[str, Any], status: int = 200) -> Response:
    """Answer one resource with its etag in the header too; 304 if the client has it."""
    etag = str(value["etag"])
    if request.method == "GET" and request.headers.get("if-none-match", "").strip('"') == etag:
        return Response(status_code=304, headers={"etag": etag})
    headers = {"etag": etag}
    if status == 201:
        headers["location"] = value["_links"]["self"]["href"]
    return hal(value, status, headers)


def check_accept(request: Request, breaches: Breaches) -> None:
    """Refuse as the service was seen to: `Accept: application/json` alone is a 500 (5).

    Raises:
        Refusal: 500, if the switch `strict_accept` says so.
    """
    accepted = request.headers.get("accept", "*/*")
    names = {part.partition(";")[0].strip().lower() for part in accepted.split(",")}
    what = f"{request.method} {request.url.path}: Accept {accepted[:80]}"
    if not names & {HAL, "*/*", "application/*"} and breaches.forbids("strict_accept", what):
        raise Refusal(500, "No acceptable representation")


def page_of(
    query: Mapping[str, str],
    rows: list[dict[str, Any]],
    listing: Listing,
    url: str,
    *,
    show: Callable[[dict[str, Any]], dict[str, Any]] = lambda row: row,
) -> dict[str, Any]:
    """Sort and cut *rows* as the query asks, and put them into the envelope.

    Args:
        query: The request's query parameters.
        rows: What passed the filter.
        listing: How this service lists.
        url: Absolute address of the list, without a query.
        show: Makes a resource of a row; called for the rows of the page alone.

    Raises:
        Refusal: 400, `page`, `size` or `sort` is not valid.
    """
    # A client sends size=0 and expects elements: 0 is the default (5.1).
    size = _number(query, "size", listing.size_max) or listing.size_default
    number = _number(query, "page", _PAGE_MAX)
    rows = _sorted(rows, query.get("sort", ""), listing)
    pages = -(-len(rows) // size)
    shown = [show(row) for row in rows[number * size : (number + 1) * size]]
    others = {name: value for name, value in query.items() if name not in ("page", "size")}

    def link(page: int) -> dict[str, str]:
        return {"href": f"{url}?{urlencode({**others, 'page': page, 'size': size})}"}

    links = {"first": link(0), "self": link(number), "last": link(max(0, pages - 1))}
    if number > 0:
        links["prev"] = link(number - 1)
    if number + 1 < pages:
        links["next"] = link(number + 1)
    answer: dict[str, Any] = {
        "_links": links,
        "page": {
            "size": size,
            "totalElements": len(rows),
            "totalPages": pages,
            "number": number,
        },
    }
    if shown or listing.embeds_nothing:
        answer["_embedded"] = {listing.member: shown}
    return answer


def _number(query: Mapping[str, str], name: str, high: int) -> int:
    text = query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= high):
        raise Refusal(400, f"{name} must be a number from 0 to {high}.")
    return int(text)


def _sorted(rows: list[dict[str, Any]], sort: str, listing: Listing) -> list[dict[str, Any]]:
    """Sort by `ASC`, `DESC`, `name`, `name,asc` or `name,desc`."""
    words = [word for word in (sort or listing.sort_default).split(",") if word]
    descending = bool(words) and words[-1].lower() == "desc"
    if words and words[-1].lower() in ("asc", "desc"):
        words.pop()
    names = words or [listing.sort_default.partition(",")[0]]
    if not set(names) <= listing.sortable:
        raise Refusal(400, f"sort knows {', '.join(sorted(listing.sortable))}.")

    def key(row: dict[str, Any]) -> tuple[tuple[bool, float, str], ...]:
        return tuple(_order(row.get(name)) for name in names)

    return sorted(rows, key=key, reverse=descending)


def _order(value: Any) -> tuple[bool, float, str]:
    """Give a key that any two JSON values can be compared by: numbers, then text, then null."""
    if isinstance(value, (int, float)):
        return False, float(value), ""
    return value is None, 0.0, "" if value is None else str(value)


def etag_of(request: Request, name: str) -> "str | None":
    """Give a condition header without quotes and weakness mark; None if it is missing."""
    given = request.headers.get(name)
    return None if given is None else given.strip().removeprefix("W/").strip('"')


def check_etag(request: Request, etag: int) -> None:
    """Compare `If-Match` with an etag.

    Raises:
        Refusal: 400 without the header, 412 if it differs.
    """
    given = etag_of(request, "if-match")
    if given is None:
        raise Refusal(400, "Header If-Match is missing.")
    if given != str(etag):
        raise Refusal(412, f"If-Match {given[:40]} is not the current etag {etag}.")
