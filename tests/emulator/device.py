"""A hand-made device: standard library only, so that tests judge the emulator and nothing else."""

import base64
import hashlib
import hmac
import http.client
import json
import ssl
import time
import uuid
from urllib.parse import urlsplit

AGENTS = "/api/agentmanagement/v3"
CONNECT = "/api/mindconnect/v3"
TOKEN = AGENTS + "/oauth/token"
EXCHANGE = CONNECT + "/exchange"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)


def call(url, method, path, body=None, headers=None, ca_file=None):
    """Send one request on a connection of its own."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.netloc, timeout=60, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return Answer(response.status, response.getheaders(), response.read())
    finally:
        connection.close()


def base64url(raw, pad=False):
    text = base64.urlsafe_b64encode(raw).decode()
    return text if pad else text.rstrip("=")


def jwt(claims, sign, alg="HS256", pad=False):
    header = json.dumps({"typ": "JWT", "alg": alg}).encode()
    signed = f"{base64url(header, pad)}.{base64url(json.dumps(claims).encode(), pad)}"
    return f"{signed}.{base64url(sign(signed.encode()), pad)}"


def hs256(secret):
    return lambda text: hmac.new(secret.encode(), text, hashlib.sha256).digest()


def jwks(key, *, leading_zero=False, **changes):
    numbers = key.public_key().public_numbers()
    modulus = numbers.n.to_bytes(384, "big")
    body = {
        "kty": "RSA",
        "kid": "key-1",
        "e": "AQAB",
        "n": base64url(b"\x00" * leading_zero + modulus),
    }
    body.update(changes)
    return {"jwks": {"keys": [body]}}


class Device:
    """A device with a boarding configuration; `answer` is the latest register or rotate answer."""

    def __init__(self, hub, boarding):
        self.hub = hub
        self.content = boarding["content"]
        self.id = self.content["clientId"]
        self.answer = {}
        self.token = None

    def call(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        return call(self.hub.url, method, path, body, headers)

    def register(self, body=None, token=None):
        got = self.call(
            "POST",
            AGENTS + "/register",
            {} if body is None else body,
            Authorization=f"Bearer {token or self.content['iat']}",
            Content_Type="application/json",
        )
        if got.status == 201:
            self.answer = got.json
        return got

    def rotate(self, answer=None, body=None):
        """PUT with the RAT of *answer* (default: the latest); the result becomes the latest."""
        rat = (answer or self.answer)["registration_access_token"]
        got = self.call(
            "PUT",
            f"{AGENTS}/register/{self.id}",
            {"client_id": self.id} if body is None else body,
            Authorization=f"Bearer {rat}",
        )
        if got.status == 200:
            self.answer = got.json
        return got

    def claims(self, **changes):
        now_s = int(time.time())
        claims = {
            "iss": self.id,
            "sub": self.id,
            "aud": ["southgate"],
            "iat": now_s,
            "nbf": now_s,
            "exp": now_s + 3600,
            "schemas": ["urn:siemens:mindsphere:v1"],
            "ten": self.content["tenant"],
            "jti": str(uuid.uuid4()),
        }
        claims.update(changes)
        return {name: value for name, value in claims.items() if value is not None}

    def ask_token(self, assertion=None, answer=None):
        """Ask for an access token and use it from now on if there is one."""
        if assertion is None:
            assertion = jwt(self.claims(), hs256((answer or self.answer)["client_secret"]))
        form = (
            "grant_type=client_credentials"
            f"&client_assertion_type={ASSERTION_TYPE}&client_assertion={assertion}"
        )
        got = call(
            self.hub.url,
            "POST",
            TOKEN,
            form,
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        if got.status == 200:
            self.token = got.json["access_token"]
        return got

    def put_configuration(self, configuration, etag="0"):
        path = f"{AGENTS}/agents/{self.id}/dataSourceConfiguration"
        return self.call("PUT", path, configuration, If_Match=etag)

    def exchange(self, body, content_type="multipart/mixed; boundary=OUT", **headers):
        return self.call("POST", EXCHANGE, body, Content_Type=content_type, **headers)

    def send(self, *items):
        """Send (metadata payload, content type, bytes) items; assert that they are accepted."""
        got = self.exchange(exchange_body(*items))
        assert got.status == 200, got.body
        return got


def exchange_body(*items, end=b"\r\n"):
    """Build a body with boundaries OUT and IN."""
    lines = []
    for payload, content_type, content in items:
        meta = json.dumps({"type": "item", "version": "1.0", "payload": payload}).encode()
        lines += [b"--OUT", b"Content-Type: multipart/related;boundary=IN", b""]
        lines += [b"--IN", b"Content-Type: application/vnd.siemens.mindsphere.meta+json", b""]
        lines += [meta, b"--IN", b"Content-Type: " + content_type.encode(), b""]
        lines += [content, b"--IN--"]
    return end.join([*lines, b"--OUT--"])


def sample(timestamp, quality="0", **values):
    return {
        "timestamp": timestamp,
        "values": [
            {"dataPointId": point, "value": value, "qualityCode": quality}
            for point, value in values.items()
        ],
    }


def timeseries(*samples, configuration="c1"):
    details = {"configurationId": configuration}
    payload = {"type": "standardTimeSeries", "version": "1.0", "details": details}
    return payload, "application/json", json.dumps(samples).encode()


def event(**changes):
    body = {
        "id": str(uuid.uuid4()),
        "timestamp": "2026-01-05T08:00:02.250Z",
        "severity": 20,
        "type": "MindSphereStandardEvent",
        "version": "1.0",
        "description": "pressure above limit",
        "details": {"source": "pump block"},
    }
    body.update(changes)
    payload = {"type": "businessEvent", "version": "2.0"}
    return payload, "application/json", json.dumps([body]).encode()


def file_item(name, content):
    details = {"fileName": name, "creationDate": "2026-01-05T08:00:00.000Z"}
    payload = {"type": "file", "version": "1.0", "details": details}
    return payload, "application/octet-stream", content


def model(configuration):
    payload = {"type": "dataSourceConfiguration", "version": "1.0"}
    return payload, "application/json", json.dumps(configuration).encode()


def configuration(name="c1", **points):
    """Build a configuration with one source `press`; points are id=type."""
    points = points or {"P1": "DOUBLE", "CNT": "LONG"}
    return {
        "configurationId": name,
        "dataSources": [
            {
                "name": "press",
                "dataPoints": [
                    {"id": point, "name": point, "type": kind, "unit": ""}
                    for point, kind in points.items()
                ],
            }
        ],
    }


def onboarded(hub, name="press-07", automap=False):
    """Create an agent, register it and get a token."""
    device = Device(hub, hub.create_agent(name, automap=automap))
    assert device.register().status == 201
    assert device.ask_token().status == 200
    return device


def ready(hub, **points):
    """Make an onboarded device whose points are all mapped to its own asset, aspect `press`."""
    device = onboarded(hub, automap=True)
    assert device.put_configuration(configuration(**points)).status == 200
    return device
