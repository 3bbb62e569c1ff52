"""mcagent/services/session.py: tokens, repetitions, the deadline; over TLS and on transcripts."""

import json
import logging
import traceback

import pytest

from mcagent.errors import CredentialError, NotOnboarded, RemoteError, TransportError
from mcagent.services.credentials import (
    AgentCredentials,
    ApplicationCredentials,
    ServiceCredentials,
    read_credentials,
)
from mcagent.services.session import Session
from mcagent.transport.fake import FakeTransport
from mcagent.transport.http import Response
from tests.helpers import raises
from tests.services.platform import SteadyClock, fake_session, token_answer

ROOT = "/api/assetmanagement/v3/assets/root"


def ok(value=None, **headers):
    return Response(200, headers, json.dumps(value or {}).encode())


def lost(kind):
    return TransportError("no answer", kind=kind)


# -- who asks


@pytest.mark.parametrize("kind", ["application", "service"])
def test_credentials_of_both_kinds_get_a_token_over_tls(platform, kind):
    """The Technical Token Manager for applications, /oauth/token for service users."""
    session = platform.session(kind=kind)
    assert session.get_json(ROOT, scope="asm.r")["tenantId"] == "localdev"
    session.get_json(ROOT)
    tokens = [request for request in session.transport.requests if "/oauth/token" in request.url]
    assert len(tokens) == 1
    assert ("technicaltokenmanager" in tokens[0].url) == (kind == "application")


def test_an_agents_own_token_is_enough_for_what_agents_may_read(platform, tmp_path):
    """Read from its state directory, of which not a byte changes."""
    import mcagent

    boarding = tmp_path / "agentconfig.json"
    boarding.write_text(json.dumps(platform.hub.create_agent("press-7")))
    state = tmp_path / "state"
    with mcagent.Agent.open(
        str(state), boarding=str(boarding), ca_file=platform.hub.ca_file
    ) as agent:
        agent.onboard()
        before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
        session = platform.session(credentials=AgentCredentials(str(state)))
        assert session.get_json(ROOT, scope="asm.r")["tenantId"] == "localdev"
        assert {path: path.read_bytes() for path in state.rglob("*") if path.is_file()} == before


def test_an_agent_that_is_not_onboarded_is_told_so(tmp_path):
    """Not a traceback from inside the keystore."""
    assert "not onboarded" in raises(NotOnboarded, AgentCredentials, str(tmp_path)).message


def test_service_tokens_come_from_the_tenants_own_host():
    """{tenant}.piam.{region}, made of the gateway's address; a local hub has one host."""
    credentials = ServiceCredentials("demo-1", "secret", tenant="demo")
    request = credentials.token_request("https://gateway.eu1.mindsphere.io", 0)
    assert request.url == "https://demo.piam.eu1.mindsphere.io/oauth/token"
    assert credentials.token_request("https://localhost:8443", 0).url == (
        "https://localhost:8443/oauth/token"
    )


def test_wrong_secret_is_a_credential_error_that_does_not_show_it(platform):
    """Client id and status are named, the secret nowhere."""
    credentials = ServiceCredentials("localdev-edgetest", "not-the-secret-at-all", tenant="x")
    error = raises(CredentialError, platform.session(credentials=credentials).get_json, ROOT)
    assert "localdev-edgetest" in error.message
    assert "401" in error.message
    assert error.hint
    assert "not-the-secret-at-all" not in f"{error} {error.hint}"


def test_a_token_is_renewed_before_it_ends():
    """Two calls, a life later: two tokens, and no 401 in between."""
    clock = SteadyClock()
    transport = FakeTransport([ok(), token_answer("eyToken.2"), ok()])
    session = fake_session(transport, clock)
    session.get_json("/a")
    clock.pass_ms(1_799_000 - 60_000)
    session.get_json("/a")
    used = [request.headers.get("Authorization") for request in transport.requests]
    assert used[1::2] == ["Bearer eyToken.1", "Bearer eyToken.2"]


def test_a_refused_token_is_replaced_once(platform):
    """401: a new token and the same request; a second 401 is the caller's to know."""
    session = platform.session()
    session.get_json(ROOT)
    platform.hub.set_faults([{"action": "status", "status": 401, "times": 1, "match": ROOT}])
    session.get_json(ROOT)
    platform.hub.set_faults([{"action": "status", "status": 401, "match": ROOT}])
    before = len(session.transport.requests)
    error = raises(RemoteError, session.get_json, ROOT)
    assert error.status == 401
    assert len(session.transport.requests) - before == 3


def test_a_body_is_sent_whole_again_after_a_new_token():
    """The second request carries what the first did."""
    transport = FakeTransport([Response(401), token_answer("eyToken.2"), ok()])
    session = fake_session(transport)
    session.call("POST", "/a", document={"b": 1})
    assert [body for body in transport.bodies if b'"b"' in body] == [b'{"b":1}'] * 2


# -- again, and when not


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(status):
    """GET, PUT and DELETE; the wait grows, with jitter."""
    clock = SteadyClock()
    transport = FakeTransport([Response(status), Response(status), ok({"a": 1})])
    assert fake_session(transport, clock).get_json("/a") == {"a": 1}
    assert clock.slept == [0.5, 1.0]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412, 413, 301])
def test_a_no_is_a_no(status):
    """One request, no wait."""
    transport = FakeTransport([Response(status)])
    error = raises(RemoteError, fake_session(transport).get_json, "/a")
    assert (error.status, len(transport.requests)) == (status, 2)


def test_retry_after_is_obeyed_in_seconds_and_as_a_date():
    """It is the least; the jitter comes on top."""
    for text in ("7", "Mon, 21 Sep 2026 14:13:27 GMT"):
        clock = SteadyClock(now_ms=1_790_000_000_000)  # 14:13:20
        transport = FakeTransport([Response(429, {"retry-after": text}), ok()])
        fake_session(transport, clock).get_json("/a")
        assert clock.slept == [7.5], text


def test_a_wish_beyond_the_deadline_ends_the_call_at_once():
    """Nobody waits for what cannot come in time; the error repeats the wish."""
    clock = SteadyClock()
    transport = FakeTransport([Response(429, {"retry-after": "60"})])
    error = raises(RemoteError, fake_session(transport, clock, timeout_s=30).get_json, "/a")
    assert clock.slept == []
    assert "60 s" in error.hint
    assert error.retryable


def test_repetitions_end_by_number_and_by_the_deadline():
    """Six requests at most; and no wait beyond the deadline."""
    transport = FakeTransport([Response(503)] * 20)
    raises(RemoteError, fake_session(transport, timeout_s=1000).get_json, "/a")
    assert len(transport.requests) == 7
    clock = SteadyClock()
    transport = FakeTransport([Response(503)] * 20)
    raises(RemoteError, fake_session(transport, clock, timeout_s=3).get_json, "/a")
    assert sum(clock.slept) < 3


def test_each_request_gets_what_is_left_of_the_deadline():
    """Waits and token included: `total_s` shrinks."""
    clock = SteadyClock()

    def slow(_request):
        clock.pass_ms(4000)
        return Response(503)

    transport = FakeTransport([slow, slow, ok()])
    fake_session(transport, clock, timeout_s=20).get_json("/a")
    assert [request.total_s for request in transport.requests] == [20, 20, 15.5, 10.5]


@pytest.mark.parametrize("kind", ["dns", "connect", "timeout", "closed", "proxy", "tls"])
def test_a_lost_get_is_repeated(kind):
    """Whatever became of it, it changes nothing."""
    assert fake_session(FakeTransport([lost(kind), ok({"a": 1})])).get_json("/a") == {"a": 1}


def test_a_lost_post_is_repeated_only_where_nothing_was_sent():
    """A second event would be a second event."""
    fake_session(FakeTransport([lost("connect"), ok()])).call("POST", "/a", document={})
    for answer in (lost("timeout"), lost("closed"), Response(503)):
        transport = FakeTransport([answer])
        raises(
            (RemoteError, TransportError),
            fake_session(transport).call,
            "POST",
            "/a",
            document={},
        )
    fake_session(FakeTransport([lost("closed"), ok()])).call("POST", "/a", repeat=True)


def test_a_wrong_certificate_is_not_asked_again():
    """It will not be another in a second; the error says what was being done."""
    error = raises(
        TransportError,
        fake_session(FakeTransport([lost("certificate")])).get_json,
        "/a",
        doing="reading x",
    )
    assert error.kind == "certificate"
    assert error.message.startswith("reading x: ")


def test_the_token_endpoint_is_asked_again_too():
    """A gateway that restarts refuses nobody."""
    clock = SteadyClock()
    transport = FakeTransport([Response(503), lost("closed"), token_answer(), ok({"a": 1})])
    session = fake_session(transport, clock)
    del transport.answers[0]
    assert session.get_json("/a") == {"a": 1}
    assert len(clock.slept) == 2


# -- what is said


def test_a_missing_scope_is_named_with_the_role_that_holds_it(platform):
    """Without the scope: which one. With it: the other tenant."""
    session = platform.session(scopes=["mdsp:core:iot.timUser"])
    error = raises(RemoteError, session.get_json, ROOT, scope="asm.r", doing="reading the root")
    assert error.status == 403
    assert "the scope asm.r is missing" in error.message
    assert "mdsp:core:assetmanagement.standarduser" in error.hint
    transport = FakeTransport([Response(403)])
    error = raises(RemoteError, fake_session(transport).get_json, "/a", scope="iot.tim.r")
    assert "another tenant" in error.hint
    assert "missing" not in error.message


def test_html_with_a_200_is_no_answer():
    """A captive portal; the way out is named."""
    page = Response(200, {"content-type": "text/html"}, b"<html>Please log in</html>")
    error = raises(RemoteError, fake_session(FakeTransport([page])).get_json, "/a")
    assert "HTML" in error.message
    assert "gateway" in error.hint


def test_no_secret_and_no_token_is_shown_anywhere(caplog):
    """repr, messages, hints, tracebacks and the log, also where the platform echoes them."""
    caplog.set_level(logging.DEBUG, logger="mcagent")
    secret, token = "a-long-secret-of-mine", "eyToken.1"
    echo = Response(400, {}, json.dumps({"message": f"bad: Bearer {token} and {secret}"}).encode())
    session = fake_session(FakeTransport([Response(503), echo]))
    shown = [repr(session), repr(session.credentials)]
    try:
        session.get_json("/a")
    except RemoteError as error:
        shown += [str(error), repr(error), error.hint, error.reason, traceback.format_exc()]
    shown += [repr(session), caplog.text]
    assert "repeated in" in caplog.text
    for text in shown:
        assert secret not in text
        assert token not in text
    session = fake_session(FakeTransport())
    session._transport.answers[:] = [Response(401, {}, f'{{"error":"{secret}"}}'.encode())]
    error = raises(CredentialError, session.get_json, "/a")
    assert secret not in f"{error} {error.hint}"


@pytest.mark.parametrize(
    "gateway",
    ["gateway.eu1.mindsphere.io", "ftp://x", "https://", "https://x/api", "https://u:pw@x"],
)
def test_a_gateway_that_is_no_origin_is_refused(gateway):
    """Before any request, and without a password in the words."""
    from mcagent.errors import ConfigurationError

    credentials = ServiceCredentials("a", "b", tenant="c")
    error = raises(ConfigurationError, Session, gateway, credentials)
    assert "pw" not in error.message
    assert "https://gateway" in error.hint


# -- the file


def credentials_file(tmp_path, value, mode=0o600):
    path = tmp_path / "credentials.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)
    return str(path)


def test_a_credentials_file_of_each_kind_is_read(platform, tmp_path):
    """What the hub hands out is the file, its address included."""
    found, gateway = read_credentials(credentials_file(tmp_path, platform.application()))
    assert isinstance(found, ApplicationCredentials)
    assert gateway == platform.hub.url
    assert platform.session(credentials=found).get_json(ROOT)
    given = {**platform.application(version=""), "gateway": "https://x"}
    found, gateway = read_credentials(credentials_file(tmp_path, given))
    assert isinstance(found, ServiceCredentials)
    assert gateway == "https://x"
    assert platform.session(credentials=found).get_json(ROOT)


GOOD = {"clientId": "a", "clientSecret": "the-secret", "tenant": "t"}


@pytest.mark.parametrize(
    ("value", "mode", "word"),
    [
        (GOOD, 0o644, "other users"),
        ('{"clientSecret": "the-secret', 0o600, "not JSON"),
        ([], 0o600, "no JSON object"),
        ({**GOOD, "tenant": ""}, 0o600, "no tenant"),
        ({**GOOD, "appName": "x"}, 0o600, "no appVersion"),
        ({**GOOD, "clientId": "a:b"}, 0o600, "colon"),
    ],
)
def test_a_credentials_file_that_is_none_is_refused_without_showing_it(
    tmp_path, value, mode, word
):
    """Each flaw is named; the secret is not."""
    from mcagent.errors import ConfigurationError

    path = credentials_file(tmp_path, value, mode)
    error = raises(ConfigurationError, read_credentials, path)
    assert word in error.message
    assert error.hint
    assert "the-secret" not in f"{error} {error.hint} {error.__cause__} {error.__context__}"
