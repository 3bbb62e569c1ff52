"""The session against a transcript, with the real lifecycle and keystore."""

import json

from mcagent.boarding import read_boarding
from mcagent.credentials.keystore import Keystore
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.errors import CredentialError, OnboardingRefused, TransportError
from mcagent.runtime import FileSystem
from mcagent.transport.fake import FakeTransport
from mcagent.transport.http import Request, Response
from mcagent.upload.session import Session
from tests.helpers import raises
from tests.upload.fakes import BASE_URL, CLIENT_ID, FakeClock

BOARDING = {
    "content": {
        "baseUrl": BASE_URL,
        "iat": "iat-0123456789",
        "clientCredentialProfile": ["SHARED_SECRET"],
        "clientId": CLIENT_ID,
        "tenant": "acmedev",
    },
    "expiration": "2026-11-28T09:15:00.000Z",
}


def registered(secret="secret-1"):
    answer = {
        "client_id": CLIENT_ID,
        "client_secret": secret,
        "client_secret_expires_at": 1_796_000_000,
        "registration_access_token": "rat-" + secret,
        "registration_client_uri": BASE_URL + "/api/agentmanagement/v3/register/" + CLIENT_ID,
    }
    return Response(201, {}, json.dumps(answer).encode())


def token(text):
    answer = {"access_token": text, "token_type": "bearer", "expires_in": 3600, "scope": []}
    return Response(200, {}, json.dumps(answer).encode())


def make(path, answers, boarding=BOARDING):
    clock = FakeClock()
    transport = FakeTransport(answers)
    keystore = Keystore(str(path), FileSystem())
    given = read_boarding(boarding) if boarding is not None else None
    lifecycle = Lifecycle(keystore.load(), given)
    return Session(lifecycle, keystore, transport, clock=clock), transport, clock


def ask():
    return Request("GET", BASE_URL + "/x")


def bearer(request):
    return request.headers["Authorization"]


def test_onboarding_twice_sends_nothing_the_second_time(tmp_path):
    session, transport, _ = make(tmp_path, [registered(), token("t1")])
    assert session.onboard().onboarded
    sent = len(transport.requests)
    assert session.onboard()
    assert len(transport.requests) == sent
    again, transport, _ = make(tmp_path, [])
    assert again.onboard().onboarded, "after a restart, too"
    assert transport.requests == []


def test_offline_onboarding_is_a_result(tmp_path):
    session, transport, _ = make(tmp_path, [TransportError("no route", kind="connect")])
    result = session.onboard()
    assert not result.onboarded
    assert result.reason == "no route"
    assert result.retry_in_s >= 0
    transport.answers += [registered(), token("t1")]
    assert session.onboard().onboarded, "asking again does not wait"


def test_a_refused_registration_is_raised(tmp_path):
    session, _, _ = make(tmp_path, [Response(401, {}, b'{"error": "token_validation_failed"}')])
    assert "offboard" in raises(OnboardingRefused, session.onboard).hint


def test_requests_carry_the_token(tmp_path):
    session, transport, _ = make(tmp_path, [registered(), token("t1"), Response(200)])
    assert session.send(ask()).status == 200
    assert bearer(transport.requests[-1]) == "Bearer t1"
    assert session.correlation_id == transport.requests[-1].correlation_id


def test_a_refused_token_is_renewed_once_and_never_rotated(tmp_path):
    session, transport, _ = make(tmp_path, [registered(), token("t1")])
    session.onboard()
    transport.answers += [Response(401), token("t2"), Response(200)]
    assert session.send(ask()).status == 200
    assert bearer(transport.requests[-1]) == "Bearer t2"
    transport.answers += [Response(401), token("t3"), Response(401)]
    assert session.send(ask()).status == 401
    assert [request.method for request in transport.requests].count("PUT") == 0
    assert transport.requests[-1].correlation_id != transport.requests[-3].correlation_id


def test_the_state_is_on_disk_before_the_request_leaves(tmp_path):
    saved = []

    def look(_request):
        saved.append(Keystore(str(tmp_path), FileSystem()).load())
        return registered()

    session, _, _ = make(tmp_path, [look, token("t1")])
    session.onboard()
    assert saved[0]["state"] == "registering"
    assert Keystore(str(tmp_path), FileSystem()).load()["current"]["secret"] == "secret-1"


def test_the_clock_is_compared_with_every_answer(tmp_path):
    session, transport, clock = make(tmp_path, [registered(), token("t1")])
    session.onboard()
    transport.answers.append(Response(200, {"date": "Sat, 21 Nov 2026 13:00:00 GMT"}))
    session.send(ask())
    assert session.now_ms() - 1_795_266_000_000 in range(1000)
    assert session.clock_offset_ms == 1_795_266_000_500 - clock.now_ms()


def test_a_token_service_in_trouble_is_no_affair_for_an_operator(tmp_path):
    session, _, _ = make(tmp_path, [registered(), Response(503)])
    error = raises(CredentialError, session.send, ask())
    assert error.retryable
    assert "503" in error.message


def test_no_boarding_configuration_is_said(tmp_path):
    session, _, _ = make(tmp_path, [], boarding=None)
    assert "boarding" in raises(CredentialError, session.send, ask()).message
    assert session.status()["onboarded"] is False
