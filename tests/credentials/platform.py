"""A platform of a hundred lines for the lifecycle's tests: register, rotate, token. No network.

Agent API, 3.1, 3.2 and 4; the two-slot rule is 3.5. Portable.
"""

import json
from binascii import a2b_base64

from mcagent.errors import TransportError
from mcagent.runtime import base64url, hmac_sha256, random_bytes
from mcagent.transport.http import Response

BASE_URL = "https://southgate.example.com"
NOON_MS = 1_795_262_400_000  # 2026-11-21T12:00:00Z, a Saturday
NOON_DATE = "Sat, 21 Nov 2026 12:00:00 GMT"
WEEK_MS = 7 * 24 * 3_600_000

REGISTER, ROTATE, TOKEN = "register", "rotate", "token"
REFUSED = b'{"error":"token_validation_failed","error_description":"[0123456789abcdef]"}'


class Platform:
    """One tenant with one agent.

    Args:
        clock: Holds `now_ms`, the true time.
        previous_secret: Until when the secret before the current one is accepted: "never" (the
            harshest), "until_new_used", "always".
        rat_after_expiry: A RAT outlives its secret (the C library's reading, 3.3).
        secret_life_ms: Of every secret.
        leeway_ms: How far an assertion's times may be off.
        profile: "SHARED_SECRET", or "RSA_3072" with `FakeRsa` keys.
    """

    def __init__(
        self,
        clock,
        *,
        previous_secret="never",
        rat_after_expiry=False,
        secret_life_ms=WEEK_MS,
        leeway_ms=60_000,
        profile="SHARED_SECRET",
    ):
        self.clock = clock
        self.previous_secret = previous_secret
        self.rat_after_expiry = rat_after_expiry
        self.secret_life_ms = secret_life_ms
        self.leeway_ms = leeway_ms
        self.profile = profile
        self.current = None
        self.previous = None
        self.tokens = []
        self.assertions = []
        self.said = []  # (operation, status) of every request that arrived
        self.late = []  # requests that a network still holds
        self.says_expired = False  # in its answers only
        self.replies = {}  # operation -> list of Response, or of None for "as usual"
        self.iat_expires_ms = 0
        self.iat_used = False
        self.issue_boarding()

    def remember(self):
        """What `recall` brings back: everything that this platform knows of the agent."""
        kept = dict(self.__dict__)
        for name in ("current", "previous", "boarding"):
            kept[name] = None if kept[name] is None else dict(kept[name])
        kept["tokens"], kept["said"] = list(self.tokens), list(self.said)
        return kept

    def recall(self, kept):
        """Be as at the time of *kept*, which can be used again."""
        self.__dict__.update(Platform.remember(_Kept(kept)))

    def issue_boarding(self):
        """Offboard, and hand out a boarding configuration; its token is new where the last is no good."""
        if self.iat_used or self.clock.now_ms >= self.iat_expires_ms:
            self.iat = "iat." + _text()
            self.iat_used = False
            self.iat_expires_ms = self.clock.now_ms + WEEK_MS
        self.current = self.previous = None
        self.boarding = {
            "content": {
                "baseUrl": BASE_URL,
                "iat": self.iat,
                "clientCredentialProfile": [self.profile],
                "clientId": "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3",
                "tenant": "acmedev",
            },
            "expiration": None,
        }
        return self.boarding

    def send(self, request):
        """Answer *request*, as a transport does."""
        operation = self._operation(request)
        prepared = self.replies.get(operation)
        reply = prepared.pop(0) if prepared else None
        if reply is None:
            reply = getattr(self, "_" + operation)(request)
        self.said.append((operation, reply.status))
        return reply

    def count(self, operation):
        return len([1 for name, _status in self.said if name == operation])

    def accepts(self, token):
        return token in self.tokens

    def _operation(self, request):
        path = request.url[len(BASE_URL) :]
        if path == "/api/agentmanagement/v3/register" and request.method == "POST":
            return REGISTER
        if path.startswith("/api/agentmanagement/v3/register/") and request.method == "PUT":
            return ROTATE
        if path == "/api/agentmanagement/v3/oauth/token" and request.method == "POST":
            return TOKEN
        raise AssertionError("no such call: %r" % request)

    def _register(self, request):
        body = json.loads(request.body.data)
        if _bearer(request) != self.iat or self.iat_used or self._now() >= self.iat_expires_ms:
            return Response(401, {}, REFUSED)
        self.iat_used = True
        self.previous = None
        self.current = self._issue(body)
        return self._answer(201)

    def _rotate(self, request):
        body = json.loads(request.body.data)
        assert body["client_id"] == self.boarding["content"]["clientId"]
        rat = _bearer(request)
        for slot in (self.current, self.previous):
            if slot is None or slot["rat"] != rat:
                continue
            if self._now() >= slot["expires_ms"] and not self.rat_after_expiry:
                break
            if slot is self.current:
                self.previous = slot
            self.current = self._issue(body)
            return self._answer(200)
        return Response(401, {}, REFUSED)

    def _token(self, request):
        headers = {"server-time": str(self._now() // 1000)}
        form = dict(pair.split("=", 1) for pair in request.body.data.decode().split("&"))
        assertion = form["client_assertion"]
        self.assertions.append(assertion)
        head, claims_text, signature = assertion.split(".")
        claims = json.loads(_decoded(claims_text))
        slot = self._signed_by((head + "." + claims_text).encode(), signature)
        now_s = self._now() // 1000
        leeway_s = self.leeway_ms // 1000
        if (
            slot is None
            or self._now() >= slot["expires_ms"]
            or claims["nbf"] > now_s + leeway_s
            or claims["exp"] <= now_s - leeway_s
            or claims["sub"] != self.boarding["content"]["clientId"]
        ):
            return Response(400, headers, b'{"error":"invalid_client"}')
        slot["used"] = True
        token = "token." + _text()
        self.tokens.append(token)
        body = {"access_token": token, "token_type": "bearer", "expires_in": 3600}
        return Response(200, headers, json.dumps(body).encode())

    def _signed_by(self, signed, signature):
        for slot in (self.current, self.previous):
            if slot is None or base64url(hmac_sha256(slot["key"].encode(), signed)) != signature:
                continue
            if slot is self.current or self.previous_secret == "always":
                return slot
            if self.previous_secret == "until_new_used" and not self.current["used"]:
                return slot
        return None

    def _issue(self, body):
        secret = "secret-" + _text()
        if self.profile == "RSA_3072":
            secret = body["jwks"]["keys"][0]["n"]
        else:
            assert "jwks" not in body
        return {
            "key": secret,
            "rat": "rat." + _text(),
            "expires_ms": self._now() + self.secret_life_ms,
            "used": False,
        }

    def _answer(self, status):
        client_id = self.boarding["content"]["clientId"]
        answer = {
            "client_id": client_id,
            "client_secret_expires_at": 1
            if self.says_expired
            else self.current["expires_ms"] // 1000,
            "registration_access_token": self.current["rat"],
            "registration_client_uri": BASE_URL + "/api/agentmanagement/v3/register/" + client_id,
            "grant_types": [self.profile],
        }
        if self.profile == "SHARED_SECRET":
            answer["client_secret"] = self.current["key"]
        return Response(status, {}, json.dumps(answer).encode())

    def _now(self):
        return self.clock.now_ms


class _Kept:
    def __init__(self, kept):
        self.__dict__.update(kept)


class Clock:
    """True time, and a device whose clock may be off."""

    def __init__(self, now_ms=NOON_MS, *, device_off_ms=0):
        self.now_ms = now_ms
        self.device_off_ms = device_off_ms

    @property
    def device_ms(self):
        return self.now_ms + self.device_off_ms


class FakeRsa:
    """Stands in for RSA where there is none: the "public" key is the private one, signed by HMAC."""

    algorithm = "RS256"

    def __init__(self, pem):
        self._pem = pem

    def sign(self, data):
        return hmac_sha256(self._pem.encode(), data)

    def jwks(self):
        return '{"keys":[{"kty":"RSA","e":"AQAB","n":"%s","kid":"k"}]}' % self._pem


class Lost:
    """A network: *drop(number, operation)* says what happens to a request.

    "" passes it; "before" loses the request; "after" loses the answer; "late" keeps the request
    until `deliver` although the device was told that nobody answered.
    """

    def __init__(self, platform, drop):
        self._platform = platform
        self._drop = drop
        self._held = []
        self.number = 0

    def send(self, request):
        fate = self._drop(self.number, self._platform._operation(request))
        self.number += 1
        if fate == "before":
            raise TransportError("name not found", kind="dns")
        if fate == "late":
            self._held.append(request)
            raise TransportError("no answer in time", kind="timeout")
        response = self._platform.send(request)
        if fate == "after":
            raise TransportError("the connection was closed", kind="closed")
        return response

    def deliver(self):
        """What was held arrives now; its answers reach nobody."""
        for request in self._held:
            self._platform.send(request)
        self._held = []


def _bearer(request):
    kind, token = request.headers["Authorization"].split(" ")
    assert kind == "Bearer"
    return token


def _decoded(segment):
    segment = segment.replace("-", "+").replace("_", "/")
    return a2b_base64(segment + "=" * (-len(segment) % 4))


def _text():
    return "".join("%02x" % byte for byte in random_bytes(12))
