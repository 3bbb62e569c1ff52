"""Random answers, in any order: the agent is never lost, and nothing goes where it must not."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mcagent.errors import CredentialError, TransportError
from mcagent.transport.http import Response
from tests.credentials.device import Cut
from tests.credentials.life import Life, World
from tests.credentials.platform import BASE_URL, REGISTER, ROTATE
from tests.credentials.verdict import IAT_GONE, WORKS, judge

_HTML = {"content-type": "text/html"}
# What a gateway may say in the platform's place, on the way there or on the way back. It may lie about a
# request that did not arrive; a 400 or 401 for one that was granted would be a lie about the platform.
_GATEWAY = (
    Response(200),
    Response(200, {}, b"{}"),
    Response(200, {}, b'{"access_token":""}'),
    Response(201, {}, b'{"client_id":"other","client_secret":"s"}'),
    Response(200, _HTML, b"<html>Welcome to the hotel"),
    Response(302, {"location": "https://evil.example.com/"}),
    Response(404),
    Response(500),
    Response(502, _HTML, b"<html>bad gateway"),
    Response(503, {"retry-after": "7200"}),
    Response(200, {}, b"\xff\xfe not json"),
    Response(200, {}, b"[" * 400),
)
_REFUSALS = (
    Response(400, {}, b'{"error":"invalid_client"}'),
    Response(401),
    Response(403),
    Response(429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}),
)
_ON_THE_WAY_BACK = tuple(
    ("instead", answer)
    for answer in _GATEWAY
    if answer.status >= 500 or answer.status in (200, 201)
    if not answer.is_html() or answer.status >= 500
)
FATES = st.sampled_from(
    ("", "", "before", "after", "cut", ("late", 1), ("late", 2), ("late", 99))
    + _GATEWAY
    + _REFUSALS
    + _ON_THE_WAY_BACK
)
REFUSED_API = st.dictionaries(st.integers(0, 12), st.integers(1, 6), max_size=4)
SETTINGS = st.fixed_dictionaries(
    {
        "previous_secret": st.sampled_from(["never", "until_new_used", "always"]),
        "rat_after_expiry": st.booleans(),
    }
)


class Watched(Life):
    """Looks at everything that leaves the device, and at every error."""

    def send(self, request):
        check_places(self, request)
        return super().send(request)

    def live(self, for_ms=3_600_000):
        send = self.session.send

        def checked(request):
            try:
                return send(request)
            except (CredentialError, TransportError) as error:
                told = " ".join((error.message, error.hint, repr(error), str(error)))
                for secret in secrets_of(self):
                    assert secret not in told
                raise

        self.session.send = checked
        try:
            return super().live(for_ms)
        finally:
            self.session.send = send


def secrets_of(life):
    record = life.lifecycle._record
    return record.secrets() + life.lifecycle._token.secrets()


def check_places(life, request):
    """Each secret where the specification has it (agent API 3.1, 3.2, 4.1), and nowhere else."""
    assert request.url.startswith(BASE_URL + "/api/agentmanagement/v3/")
    headers = dict(request.headers)
    bearer = headers.pop("Authorization", "")
    record = life.lifecycle._record
    rest = " ".join(
        [request.url, repr(headers), request.body.data.decode() if request.body else ""]
    )
    for secret in secrets_of(life):
        assert secret not in rest
    operation = life.platform._operation(request) if "/agents/" not in request.url else "api"
    if operation == REGISTER:
        assert bearer == "Bearer " + record.boarding["iat"]
    elif operation == ROTATE:
        rats = [slot["rat"] for slot in (record.current, record.previous) if slot]
        assert bearer in ["Bearer " + rat for rat in rats]
    elif operation == "token":
        assert bearer == ""
    else:
        assert bearer == "Bearer " + life.lifecycle.access_token(life.now_ms())


def live_through(life):
    while True:
        try:
            life.go_on()
            return
        except Cut:
            life.start()


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@example(
    ["", _REFUSALS[0], "cut", ("instead", _GATEWAY[9]), ("instead", _GATEWAY[10])],
    {},
    {"previous_secret": "never", "rat_after_expiry": False},
)
@given(st.lists(FATES, max_size=14), REFUSED_API, SETTINGS)
def test_no_sequence_of_answers_loses_the_agent(fates, refused, switches):
    """Nor sends a secret elsewhere, raises what is not documented, or rotates without a reason."""
    world = World(**switches)
    life = Watched(
        world,
        world.beginning,
        world.beginning.disk.copy(),
        fates=enumerate(fates),
        refusals=refused,
    )
    live_through(life)
    assert judge(life) in (WORKS, IAT_GONE)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 40), st.sampled_from((401, 403)), st.booleans())
def test_a_renewed_token_that_is_still_refused_never_causes_a_rotation(times, status, restarts):
    """A service that refuses every token, however often: tokens are renewed, the secret stays."""
    world = World(previous_secret="never")
    life = Watched(world, world.beginning, world.beginning.disk.copy())
    life._answer_api = lambda _request: Response(status)
    for _ in range(times):
        life.live(0)
        if restarts:
            life.start()
        life.clock.now_ms += 60_000
    assert life.platform.count(ROTATE) == 0
    assert life.lifecycle.problem is None
    assert life.lifecycle.state == "onboarded"
    assert life.platform.count("token") <= 2 * times + 1
