"""What an operator does with the local Insights Hub, over HTTP: set up, map, read back."""

import json
import time

from ..errors import RemoteError
from ..messages.timestamp import parse_text
from ..transport.cpython import Urllib3Transport
from ..transport.http import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..transport.http import Response
    from .comparison import Key, Value

_MAPPINGS = "/api/mindconnect/v3/dataPointMappings"
_POLL_S = 0.1


class HubClient:
    """Operator of the hub at *url*; a context manager.

    Args:
        url: Origin, without a slash at its end.
        ca_file: The hub's own CA.
    """

    def __init__(self, url: str, ca_file: str) -> None:
        self._url = url
        # "" connects directly: the hub is on this machine, a proxy does not know it.
        self._transport = Urllib3Transport(ca_file=ca_file, proxy="")
        self._token = ""

    def create_asset(self, name: str, aspects: "dict[str, dict[str, dict[str, str]]]") -> str:
        """Make an asset of ``{aspect: {variable: {"type", "unit"}}}``; return its id."""
        answer = self._call("POST", "/_emulator/assets", {"name": name, "aspects": aspects})
        return str(answer["id"])

    def create_agent(self, name: str, profile: str, *, automap: bool = False) -> "dict[str, Any]":
        """Make an agent; return its boarding configuration, whose URL is the one used here.

        With *automap* its data points get variables and mappings by themselves.
        """
        body = {"name": name, "securityProfile": profile, "automap": automap}
        boarding: "dict[str, Any]" = self._call("POST", "/_emulator/agents", body)
        return boarding

    def map_point(self, agent: str, point: str, asset: str, aspect: str, variable: str) -> None:
        """Let values of *point* go to a variable of *asset*, for good."""
        if not self._token:
            self._token = self._call("POST", "/_emulator/token", {})["access_token"]
        # keepMapping: otherwise the agent's data model would delete it when it arrives.
        # noAgentValidation: the agent has not described its points yet.
        self._call(
            "POST",
            _MAPPINGS + "?noAgentValidation=true",
            {
                "agentId": agent,
                "dataPointId": point,
                "entityId": asset,
                "propertySetName": aspect,
                "propertyName": variable,
                "keepMapping": True,
            },
        )

    def stored(self, asset: str) -> "dict[Key, Value]":
        """Every stored value of *asset*: by time, aspect and variable."""
        values = {}
        for record in self._lines(f"/_emulator/stored?asset={asset}"):
            timestamp_ms = parse_text(record["_time"])
            for variable, value in record["values"].items():
                values[timestamp_ms, record["aspect"], variable] = value
        return values

    def events(self, agent: str) -> "list[dict[str, Any]]":
        """Events of *agent*, as stored."""
        rows = self._lines("/_emulator/events")
        return [row["event"] for row in rows if row["agent"] == agent]

    def files(self, agent: str) -> "list[dict[str, Any]]":
        """Files of *agent*: ``name``, ``size``, ``sha256`` …"""
        return [row for row in self._lines("/_emulator/files") if row["agent"] == agent]

    def received(self, agent: str, kind: str) -> "list[dict[str, Any]]":
        """What *agent* sent, before mapping, duplicates included."""
        return self._lines(f"/_emulator/received?agent={agent}&kind={kind}")

    def requests(self) -> "dict[str, int]":
        """Requests so far, the control interface's own left out: ``"POST /path"`` to number."""
        counts: "dict[str, int]" = self._call("GET", "/_emulator/state")["requests"]
        return counts

    def settle(self, timeout_s: float = 30) -> bool:
        """Wait until what was accepted has been processed; False when that took too long.

        The platform answers 200 before it looks at mappings, and so does the hub.
        """
        give_up = time.monotonic() + timeout_s
        while self._call("GET", "/_emulator/state")["pending"]:
            if time.monotonic() > give_up:
                return False
            time.sleep(_POLL_S)
        return True

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> "HubClient":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _lines(self, path: str) -> "list[dict[str, Any]]":
        body = self._send("GET", path, None).body
        return [json.loads(line) for line in body.splitlines()]

    def _call(self, method: str, path: str, body: "dict[str, Any] | None" = None) -> "Any":
        return self._send(method, path, body).json()

    def _send(self, method: str, path: str, body: "dict[str, Any] | None") -> "Response":
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self._token:
            headers["Authorization"] = "Bearer " + self._token
        data = json.dumps(body).encode() if body is not None else None
        request = Request(method, self._url + path, headers, data)
        response = self._transport.send(request)
        if response.status not in (200, 201):
            raise RemoteError(
                f"the local Insights Hub answered {response.status} to {method} {path}: "
                f"{response.reason()}",
                status=response.status,
                reason=response.reason(),
                correlation_id=request.correlation_id,
            )
        return response
