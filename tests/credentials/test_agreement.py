"""The platform of the fast tests and the local hub give the same answers to the same requests."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcagent.credentials import requests
from mcagent.credentials.assertion import SharedSecretSigner, client_assertion
from mcagent.credentials.rsa import RsaSigner, generate_key
from tests.credentials.emulated import EmulatedPlatform, new_hub
from tests.credentials.platform import BASE_URL, NOON_MS, Clock, FakeRsa, Platform

HOUR_MS = 3_600_000
ACTIONS = st.one_of(
    st.tuples(st.just("register"), st.booleans()),
    st.tuples(st.just("rotate"), st.integers(0, 5)),
    st.tuples(st.just("token"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([HOUR_MS, 60 * HOUR_MS, 200 * HOUR_MS])),
    st.tuples(st.just("board"), st.none()),
)
SWITCHES = st.fixed_dictionaries(
    {
        "previous_secret": st.sampled_from(["never", "until_new_used", "always"]),
        "rat_after_expiry": st.booleans(),
    }
)


class Caller:
    """A client without any sense: it does what it is told, with the answers that it has."""

    def __init__(self, platform, signer_of, keys):
        self.platform = platform
        self.signer_of = signer_of
        self.keys = keys
        self.answers = []  # the latest first
        self.used = 0

    def do(self, action, argument):
        """The status of the answer; None where there was nothing to send."""
        content = self.platform.boarding["content"]
        if action == "board":
            self.platform.issue_boarding()
            return None
        if action == "register":
            iat = content["iat"] if argument else "wrong"
            return self._keep(*self._with_key(lambda jwks: requests.register(BASE_URL, iat, jwks)))
        if argument >= len(self.answers):
            return None
        answer, signer = self.answers[argument]
        if action == "rotate":
            uri, rat = answer["registration_client_uri"], answer["registration_access_token"]
            client = content["clientId"]
            return self._keep(
                *self._with_key(
                    lambda jwks: requests.rotate(uri, rat, client_id=client, jwks=jwks)
                )
            )
        now_s = self.platform.clock.now_ms // 1000
        assertion = client_assertion(content["clientId"], content["tenant"], now_s, signer)
        return self.platform.send(requests.token(BASE_URL, assertion)).status

    def _with_key(self, build):
        if self.platform.profile == "SHARED_SECRET":
            return self.platform.send(build("")), None
        self.used += 1
        signer = self.signer_of(self.keys[self.used % len(self.keys)])
        return self.platform.send(build(signer.jwks())), signer

    def _keep(self, response, signer):
        if response.status in (200, 201):
            answer = response.json()
            self.answers.insert(0, (answer, signer or SharedSecretSigner(answer["client_secret"])))
        return response.status


@pytest.fixture(scope="module")
def hub():
    hub = new_hub()
    yield hub
    hub.close()


@pytest.fixture(scope="module")
def real_keys():
    return [generate_key() for _ in range(5)]


def compare(hub, profile, keys, actions, switches):
    clock = Clock(NOON_MS)
    ours = Caller(
        Platform(clock, profile=profile, **switches), FakeRsa, ["pem-%d" % n for n in range(5)]
    )
    theirs = Caller(EmulatedPlatform(hub, clock, profile=profile, **switches), _real, keys)
    # Before anything can be refused for its credential, there has to be one.
    for action, argument in [("register", True), *actions]:
        if action == "wait":
            clock.now_ms += argument
        else:
            said = (ours.do(action, argument), theirs.do(action, argument))
            assert said[0] == said[1], (action, argument, said)


@functools.lru_cache
def _real(pem):
    return RsaSigner(pem)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=25), switches=SWITCHES)
def test_secrets(hub, actions, switches):
    compare(hub, "SHARED_SECRET", [], actions, switches)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=20), switches=SWITCHES)
def test_rsa_keys(hub, real_keys, actions, switches):
    compare(hub, "RSA_3072", real_keys, actions, switches)
