"""The IoT File service as an agent needs it: one method a request. CPython only.

Source: services API, IoT File 3.
"""

from typing import Any
from urllib.parse import quote

from ..messages.timestamp import format_ms
from ..transport.http import Body, Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .session import Session

_BASE = "/api/iotfile/v3"
_PAGE, _PAGES = 500, 10  # 5 000 is the largest offset by the older text


class FileService:
    """Files of the agent's own asset. Every method raises what `Session.send` does."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def start(self, details: "dict[str, Any]", etag: "int | None") -> Response:
        """Begin an upload; *etag* is that of the file that it replaces."""
        headers = {"timestamp": format_ms(details["created_ms"])}
        if details["type"]:
            headers["type"] = details["type"]
        return self._put(details["name"], "upload=start", etag, headers=headers)

    def put_part(self, name: str, etag: "int | None", number: int, part: Body) -> Response:
        """Send part *number*, from 1 on; the same number again replaces it."""
        return self._put(name, "part=%d" % number, etag, part)

    def complete(self, name: str, etag: "int | None") -> Response:
        """Join the parts: the file becomes visible."""
        return self._put(name, "upload=complete", etag)

    def abort(self, name: str) -> Response:
        """Drop the parts of an upload that was not completed."""
        return self._put(name, "upload=abort", None)

    def parts(self, name: str) -> Response:
        """The parts of an upload that was not completed; 404 where there is none."""
        return self._send("GET", self._url("fileslist", name))

    def find(self, name: str) -> "tuple[dict[str, Any] | None, Response | None]":
        """The file as the platform shows it, None for none; or the answer that is no list."""
        url = f"{self._session.base_url}{_BASE}/files/{self._session.client_id}?limit={_PAGE}"
        # A filter that the service cannot read is ignored, and everything comes.
        if not set(name) & set("'\"*") and " and " not in name:
            url += "&filter=" + quote(f"name eq '{name}'", safe="")
        for page in range(_PAGES):
            response = self._send("GET", f"{url}&offset={page * _PAGE}")
            rows = response.json() if response.status == 200 else None
            if not isinstance(rows, list):
                return None, response
            for row in rows:
                if isinstance(row, dict) and row.get("name") == name and not row.get("path"):
                    return row, None
            if len(rows) < _PAGE:
                break
        return None, None

    def _put(
        self,
        name: str,
        query: str,
        etag: "int | None",
        body: "Body | bytes" = b"",
        *,
        headers: "dict[str, str] | None" = None,
    ) -> Response:
        headers = {"Content-Type": "application/octet-stream", **(headers or {})}
        if etag is not None:
            headers["If-Match"] = str(etag)
        return self._send("PUT", self._url("files", name) + "?" + query, headers, body)

    def _url(self, kind: str, name: str) -> str:
        session = self._session
        # The agent's asset has the agent's id (services API 4.1).
        return f"{session.base_url}{_BASE}/{kind}/{session.client_id}/{quote(name, safe='')}"

    def _send(
        self,
        method: str,
        url: str,
        headers: "dict[str, str] | None" = None,
        body: "Body | bytes | None" = None,
    ) -> Response:
        return self._session.send(Request(method, url, headers, body))
