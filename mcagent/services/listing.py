"""Whole lists of the services, page by page."""

from typing import Any, Iterator

from .callrate import CallRate
from .paging import content_page, hal_page, numbered
from .session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .query import Query

# `Accept: application/json` alone was answered with 500 by these services (services API 5).
HAL = {"Accept": "application/hal+json, application/json, */*"}


def content_list(
    session: Session,
    path: str,
    query: "dict[str, Any]",
    *,
    size: int,
    scope: str,
    doing: str,
    rate: "CallRate | None" = None,
) -> "Iterator[dict[str, Any]]":
    """The elements of a list of agent management or MindConnect (agent API 2.5).

    Each page is a call that *rate* counts.
    """

    def fetch(number: int) -> "Any":
        asked = {**query, "size": size, "page": number}
        if rate is not None:
            rate.take()
        return content_page(session.get_json(path, asked, scope=scope, doing=doing), doing)

    return numbered(fetch, size=size, doing=doing)


def hal_list(
    session: Session,
    path: str,
    member: str,
    query: "Query",
    *,
    size: int,
    scope: str,
    doing: str,
) -> "Iterator[dict[str, Any]]":
    """The elements of a list of asset or event management (services API 5.1)."""
    given = dict(query)

    def fetch(number: int) -> "Any":
        asked = {**given, "size": size, "page": number}
        return hal_page(hal_get(session, path, asked, scope=scope, doing=doing), member, doing)

    return numbered(fetch, size=size, doing=doing)


def hal_get(
    session: Session, path: str, query: "Query", *, scope: str, doing: str
) -> "dict[str, Any]":
    """GET a resource of asset or event management."""
    answer = session.call("GET", path, query=query, headers=HAL, scope=scope, doing=doing)
    return session.parse_object(answer, doing)
