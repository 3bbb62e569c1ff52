"""Requests as Siemens' C library (MindConnect Library 4.4.0) puts them on the wire, byte by byte.

Its multipart layout, boundaries of 20 characters, compact JSON in its order of members, headers in
its order, padded base64url, an unescaped form, a connection for each request (agent API 3, 4.2, 6).
"""

import base64
import hashlib
import hmac
import json
import socket
import time
from urllib.parse import urlsplit

USER_AGENT = "MCL/4.4.0 (press-07)"
BOUNDARY = "Q7x2mK9LpR4tVbN0sDfG"
PARTS = ("aZ81kfPq02LmXyT7uW3e", "ZrT5hYu8IkOp1QaWsEdR", "9LoKiJuHyGtFrDeSwAq7")
EXCHANGE_TYPE = "multipart/mixed;boundary=%s;charset=utf-8" % BOUNDARY


def send(hub, method, path, headers, body=b""):
    """Send one request on a connection of its own; give status, headers and body."""
    target = urlsplit(hub.url)
    lines = ["%s %s HTTP/1.1" % (method, path), "Host: " + target.netloc]
    lines += ["User-Agent: " + USER_AGENT]
    lines += ["%s: %s" % header for header in headers]
    if method != "GET":
        lines.append("Content-Length: %d" % len(body))
    request = "\r\n".join([*lines, "", ""]).encode() + body
    with socket.create_connection((target.hostname, target.port), timeout=60) as connection:
        connection.sendall(request)
        reader = connection.makefile("rb")
        status = int(reader.readline().split()[1])
        answered = {}
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.decode().partition(":")
            answered[name.lower()] = value.strip()
        content = reader.read(int(answered.get("content-length", 0)))
    return status, answered, content


def own_headers(token, content_type="application/json"):
    """Give the headers of a request with a token, in the library's order."""
    return [
        ("Content-Type", content_type),
        ("Accept", "application/json"),
        ("Authorization", "Bearer " + token),
        ("Correlation-ID", "3e1f6a0c9b8d4e7fa1b2c3d4e5f60718"),
    ]


def padded(raw):
    return base64.urlsafe_b64encode(raw).decode()


def assertion(client, tenant, secret):
    """Sign as it does: `typ` first, `aud` a text, a day of life, `=` at the ends."""
    now_s = int(time.time())
    header = '{"typ":"JWT","alg":"HS256"}'
    claims = {
        "iss": client,
        "sub": client,
        "aud": "southgate",
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + 86400,
        "schemas": ["urn:siemens:mindsphere:v1"],
        "ten": tenant,
        "jti": "5d0c0f37-6f6a-4f6e-9b2c-1c5d4fb0a001",
    }
    signed = padded(header.encode()) + "." + padded(compact(claims).encode())
    digest = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return signed + "." + padded(digest)


def token_form(signed):
    """Build the form: nothing of it is percent-encoded."""
    return (
        "grant_type=client_credentials"
        "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        "&client_assertion=" + signed
    ).encode()


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def item(payload_type, content, *, version="1.0", details=None, kind="application/json", part=0):
    """Build one item of a body: boundary, metadata, payload, each line ended by CR LF."""
    payload = {"type": payload_type, "version": version}
    if details is not None:
        payload["details"] = details
    meta = compact({"type": "item", "version": "1.0", "payload": payload})
    inner = PARTS[part]
    return (
        (
            f"--{BOUNDARY}\r\n"
            f"Content-Type: multipart/related;boundary={inner}\r\n\r\n"
            f"--{inner}\r\n"
            "Content-Type: application/vnd.siemens.mindsphere.meta+json\r\n\r\n"
            f"{meta}\r\n"
            f"--{inner}\r\n"
            f"Content-Type: {kind}\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{inner}--\r\n".encode()
    )


def body(*items):
    """Close a body: nothing stands after its last delimiter."""
    return b"".join(items) + f"--{BOUNDARY}--".encode()


def samples(configuration, *rows, part=0):
    """Build a time series item; *rows* are (timestamp, {point: text})."""
    content = [
        {
            "timestamp": moment,
            "values": [
                {"dataPointId": point, "value": value, "qualityCode": "00000000"}
                for point, value in values.items()
            ],
        }
        for moment, values in rows
    ]
    details = {"configurationId": configuration}
    return item("standardTimeSeries", compact(content).encode(), details=details, part=part)
