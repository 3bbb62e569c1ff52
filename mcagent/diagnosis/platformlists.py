"""Paged lists of the MindConnect API, read with the agent's own token."""

import json

from ..errors import RemoteError
from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport.http import Response
    from .case import Case

_JSON = {"Content-Type": "application/json"}
_NOT_OURS = (400, 403, 404)  # the answer is about this agent, or about what is asked for


class Page:
    """A page of a list, or why there is none.

    Attributes:
        rows: Its objects.
        total: How many there are on all pages.
        pages: How many pages there are.
        refused: ``""``, or the platform's no, to be said after what was asked for.
    """

    def __init__(self, case: "Case", response: "Response", request: Request) -> None:
        self.rows: "list[dict[str, Any]]" = []
        self.total = self.pages = 0
        self.refused = ""
        self.status = response.status
        if response.status in _NOT_OURS:
            self.refused = "may not be read by the agent (HTTP %s)" % case.words(response)
            return
        answer = response.json()
        if response.status != 200 or not isinstance(answer, dict):
            raise remote_error(case, response, "what became of the uploads", request)
        content = answer.get("content")
        if not isinstance(content, list):
            raise remote_error(case, response, "what became of the uploads", request)
        self.rows = [row for row in content if isinstance(row, dict)]
        self.total = _number(answer.get("totalElements"), len(self.rows))
        self.pages = _number(answer.get("totalPages"), 1)


class Lists:
    """Reads lists.

    Attributes:
        agent: The agent's id.
    """

    def __init__(self, case: "Case") -> None:
        self._case = case
        self.agent = case.client_id

    def get(self, path: str, *, size: int, sort: str = "", page: int = 0) -> Page:
        """One page of *path* below the API.

        Raises:
            RemoteError: The answer says nothing about this agent.
        """
        query = "?size=%d&page=%d" % (size, page)
        if sort:
            query += "&sort=" + sort
        request = Request("GET", self._url(path) + query)
        return Page(self._case, self._case.send(request), request)

    def newest(self, path: str, member: str, count: int) -> Page:
        """The *count* newest rows by the time in *member*, newest first."""
        page = self.get(path, size=count, sort=member + ",desc")
        if page.status == 400:
            # Which members can be sorted by is not documented: the last page holds the newest.
            page = self.get(path, size=count)
            if page.pages > 1:
                page = self.get(path, size=count, page=page.pages - 1)
            page.rows.sort(key=lambda row: str(row.get(member)), reverse=True)
        return page

    def switch_on(self, row: "dict[str, Any] | None") -> "tuple[dict[str, Any] | None, str]":
        """Switch diagnostics on; *row*: the activation that there is. Its new row, or why not."""
        # Both members: the description asks for both, and names one (7.2).
        body = json.dumps({"agentId": self.agent, "status": "ACTIVE"}).encode()
        if row is None:
            request = Request("POST", self._url("diagnosticActivations"), dict(_JSON), body)
        else:
            path = "diagnosticActivations/%s" % row.get("id")
            request = Request("PUT", self._url(path), dict(_JSON), body)
        response = self._case.send(request)
        answer = response.json()
        if response.status in (200, 201) and isinstance(answer, dict):
            return answer, ""
        if response.status == 409 or response.status in _NOT_OURS:
            return None, "HTTP " + self._case.words(response)
        raise remote_error(self._case, response, "switching diagnostics on", request)

    def _url(self, path: str) -> str:
        return "%s/api/mindconnect/v3/%s" % (self._case.base_url, path)


def remote_error(
    case: "Case", response: "Response", asked: str, request: "Request | None" = None
) -> RemoteError:
    """The platform answered something that is not about this agent."""
    return RemoteError(
        "asked for %s the platform answered HTTP %s" % (asked, case.words(response)),
        status=response.status,
        reason=case.words(response),
        correlation_id="" if request is None else request.correlation_id,
    )


def _number(value: "Any", otherwise: int) -> int:
    return value if isinstance(value, int) and value is not True else otherwise
