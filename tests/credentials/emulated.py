"""The local hub's own registration, rotation and tokens without HTTP, in the shape of `Platform`."""

import itertools
import json
from urllib.parse import parse_qsl

from mcagent.emulator import operations
from mcagent.emulator.answers import Refusal
from mcagent.emulator.assertion import check_assertion, parse_assertion
from mcagent.emulator.hub import Hub
from mcagent.emulator.principals import AGENT_SCOPE
from mcagent.emulator.settings import Settings
from mcagent.transport.http import Response
from tests.credentials.platform import BASE_URL, REGISTER, ROTATE, Platform

_TABLES = ("agents", "credentials")
_numbers = itertools.count()


class EmulatedPlatform:
    """One agent of a hub whose clock is *clock*.

    Args:
        hub: From `new_hub`; its agents do not disturb each other.
        clock: Holds `now_ms`, the true time.
        profile: Of the agent.
        settings: Switches of the hub.
    """

    _operation = Platform._operation
    count = Platform.count

    def __init__(self, hub, clock, *, profile="SHARED_SECRET", **settings):
        self.hub = hub
        self.clock = clock
        self.profile = profile
        hub.settings.change(Settings.build(strict=True).as_dict())
        hub.settings.change(settings)
        hub.clock.now_ms = lambda: clock.now_ms
        self.agent = operations.create_agent(hub, f"agent-{next(_numbers)}", profile)
        self.tokens = []
        self.said = []
        self.boarding = operations.boarding(hub, self.agent, BASE_URL)

    def issue_boarding(self):
        """Offboard, and hand out a new boarding configuration."""
        operations.offboard(self.hub, self.agent)
        self.boarding = operations.boarding(self.hub, self.agent, BASE_URL)
        return self.boarding

    @property
    def iat_used(self):
        with self.hub.store.reading() as db:
            row = db.execute("SELECT iat_used FROM agents WHERE id = ?", (self.agent,)).fetchone()
        return bool(row["iat_used"])

    def send(self, request):
        """Answer *request*, as a transport does."""
        operation = self._operation(request)
        body = b"".join(request.body.chunks())
        try:
            with self.hub.store.transaction() as db:
                status, value = self._act(db, operation, request, body)
        except Refusal as refusal:
            status, value = refusal.status, {"error": refusal.iam_error}
        headers = {}
        if operation == "token":
            headers["server-time"] = str(self.hub.clock.now_s())
        self.said.append((operation, status))
        return Response(status, headers, json.dumps(value).encode())

    def _act(self, db, operation, request, body):
        hub = self.hub
        if operation in (REGISTER, ROTATE):
            bearer = request.headers["Authorization"].split(" ", 1)[1]
            if operation == REGISTER:
                return 201, hub.credentials.register(db, bearer, json.loads(body), BASE_URL)
            agent = request.url.rsplit("/", 1)[1]
            return 200, hub.credentials.rotate(db, agent, bearer, json.loads(body), BASE_URL)
        assertion = parse_assertion(dict(parse_qsl(body.decode("ascii")))["client_assertion"])
        row = check_assertion(
            db, assertion, clock=hub.clock, settings=hub.settings, breaches=hub.breaches
        )
        token = hub.tokens.issue(
            subject=row["id"], scopes=[AGENT_SCOPE], category="agent-token:v1", base_url=BASE_URL
        )
        self.tokens.append(token["access_token"])
        return 200, token

    def accepts(self, token):
        return token in self.tokens

    def remember(self):
        """What `recall` brings back: everything that this platform knows of its agents."""
        with self.hub.store.reading() as db:
            rows = {
                table: [tuple(row) for row in db.execute(f"SELECT * FROM {table}")]
                for table in _TABLES
            }
        return rows, list(self.tokens), list(self.said), self.boarding

    def recall(self, kept):
        """Be as at the time of *kept*, which can be used again."""
        rows, tokens, said, self.boarding = kept
        self.tokens, self.said = list(tokens), list(said)
        with self.hub.store.transaction() as db:
            for table in _TABLES:
                db.execute(f"DELETE FROM {table}")
                for row in rows[table]:
                    marks = ", ".join("?" * len(row))
                    db.execute(f"INSERT INTO {table} VALUES ({marks})", row)


def new_hub():
    """A hub without a server, to be closed."""
    return Hub(Settings.build(strict=True))
