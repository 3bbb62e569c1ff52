"""The session of a device whose wall clock is wrong, unknown, or set while it works."""

import base64
import json

import pytest

from mcagent.credentials.keystore import Keystore
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.errors import TransportError
from mcagent.runtime import FileSystem
from mcagent.transport.fake import FakeTransport
from mcagent.transport.http import Response
from mcagent.upload.session import Session
from tests.helpers import raises
from tests.upload.fakes import FakeClock
from tests.upload.test_session import ask, bearer, make, registered, token

DATE = "Sat, 21 Nov 2026 13:00:00 GMT"
DATE_MS = 1_795_266_000_000
YEAR_MS = 365 * 86_400_000
TOLD = Response(200, {"date": DATE})


def onboarded(path, answers, wall_ms=0):
    """A device that was onboarded before its last start, with *wall_ms* on its clock."""
    make(path, [registered(), token("t0")])[0].onboard()
    clock = FakeClock(wall_ms)
    transport = FakeTransport(answers)
    keystore = Keystore(str(path), FileSystem())
    return Session(Lifecycle(keystore.load(), None), keystore, transport, clock=clock), transport


def issued_s(body):
    """When the assertion of a token request says that it was made."""
    claims = body.split(b"client_assertion=")[1].split(b".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["iat"]


def test_a_clock_of_1970_is_measured_before_the_first_signature(tmp_path):
    """One request without a credential instead of a signature that is refused."""
    session, transport = onboarded(tmp_path, [TOLD, token("t1"), Response(200)])
    assert session.send(ask()).status == 200
    first, second = transport.requests[:2]
    assert (first.method, first.body, first.headers) == ("GET", None, {})
    assert first.url.endswith("/oauth/token_key")
    assert second.url.endswith("/oauth/token")
    assert abs(issued_s(transport.bodies[1]) - DATE_MS // 1000) <= 1
    session.lifecycle.invalidate_token()
    transport.answers += [token("t2"), Response(200)]
    session.send(ask())
    assert [request.method for request in transport.requests].count("GET") == 3, "asked once"


def test_what_tls_measured_is_used_to_sign(tmp_path):
    session, transport = onboarded(tmp_path, [token("t1"), Response(200)])
    transport.__class__ = type("Measured", (FakeTransport,), {"clock_offset_ms": 123_456_789_000})
    session.send(ask())
    assert transport.requests[0].url.endswith("/oauth/token")
    assert abs(issued_s(transport.bodies[0]) - 123_456_789 - 1000) <= 1


def test_nobody_who_tells_the_time_is_a_link_that_is_down(tmp_path):
    session, transport = onboarded(tmp_path, [TransportError("no route", kind="connect")])
    assert raises(TransportError, session.send, ask()).kind == "connect"
    assert len(transport.requests) == 1, "nothing was signed"
    transport.answers += [TOLD, token("t1"), Response(200)]
    assert session.send(ask()).status == 200


def test_an_answer_without_a_time_is_not_asked_for_again(tmp_path):
    session, transport = onboarded(tmp_path, [Response(500), token("t1"), Response(200)])
    assert session.send(ask()).status == 200
    session.lifecycle.invalidate_token()
    transport.answers += [token("t2"), Response(200)]
    assert session.send(ask()).status == 200
    assert [request.url[-9:] for request in transport.requests].count("token_key") == 1


def test_a_clock_that_may_be_right_costs_no_request(tmp_path):
    session, transport = onboarded(
        tmp_path, [token("t1"), Response(200)], wall_ms=DATE_MS - 1_000_000
    )
    session.send(ask())
    assert len(transport.requests) == 2
    assert session.clock_offset_ms is None


def test_a_clock_set_after_the_start_signs_right_with_no_measurement(tmp_path):
    session, transport = onboarded(tmp_path, [token("t1"), Response(200)])
    session._clock.wall_ms = DATE_MS
    session.send(ask())
    assert transport.requests[0].url.endswith("/oauth/token")
    assert abs(issued_s(transport.bodies[0]) - DATE_MS // 1000 - 1000) <= 1


@pytest.mark.parametrize("jump_ms", [YEAR_MS, -YEAR_MS, 3_600_000, -3_600_000, -DATE_MS])
def test_a_jump_costs_neither_token_nor_measurement(tmp_path, jump_ms):
    """The wall clock is set in mid-session: the token stays, and so does the platform's time."""
    session, transport = onboarded(tmp_path, [token("t1"), TOLD], wall_ms=DATE_MS - 1_000_000)
    session.send(ask())
    before_ms = session.now_ms()
    session._clock.wall_ms += jump_ms
    transport.answers.append(Response(200))
    session.send(ask())
    assert bearer(transport.requests[-1]) == "Bearer t1"
    assert session.now_ms() == before_ms
    assert session.clock_offset_ms == before_ms - session._clock.now_ms()
    left_ms = session.status()["token_expires_ms"] - session._clock.now_ms()
    assert 3_400_000 < left_ms < 3_600_000, "shown by the clock that the reader has"


@pytest.mark.parametrize("jump_ms", [3 * 86_400_000, -YEAR_MS])
def test_a_jump_makes_no_wait_endless(tmp_path, jump_ms):
    """A wait ends after the time that it was meant to take, whatever the wall clock says."""
    session, transport = onboarded(
        tmp_path, [TransportError("no route", kind="connect")], wall_ms=DATE_MS
    )
    raises(TransportError, session.send, ask())
    session._clock.wall_ms += jump_ms
    transport.answers += [token("t1"), Response(200)]
    session._clock.sleep_ms(2000)
    assert session.send(ask()).status == 200


def test_a_token_ends_while_the_device_sleeps(tmp_path):
    """The steady clock counts sleep, so the token that went stale meanwhile is not tried."""
    session, transport = onboarded(tmp_path, [token("t1"), TOLD], wall_ms=DATE_MS)
    session.send(ask())
    session._clock.sleep_ms(8 * 3_600_000)
    transport.answers += [token("t2"), Response(200)]
    session.send(ask())
    assert bearer(transport.requests[-1]) == "Bearer t2"
