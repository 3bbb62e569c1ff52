"""What is fuzzed: each parser of the hub that strangers reach, with good inputs to begin from.

A target takes bytes and says whether they are good; it may refuse them in its own way. Any other
exception is a crash, and so is an input of a few kilobytes that takes longer than a second.
"""

import json
import random

from mcagent.emulator.answers import Refusal, parse_json
from mcagent.emulator.assertion import parse_assertion
from mcagent.emulator.caller import claimed_agent
from mcagent.emulator.clock import PlatformClock
from mcagent.emulator.faults import Faults
from mcagent.emulator.faults_rule import Rule
from mcagent.emulator.files_filter import read_file_filter
from mcagent.emulator.filters import read_filter
from mcagent.emulator.items import read_item
from mcagent.emulator.keys import SigningKey
from mcagent.emulator.multipart import MalformedBody, boundary_of, read_exchange
from mcagent.emulator.settings import Settings
from mcagent.emulator.times import parse_time

from .device import (
    configuration,
    event,
    exchange_body,
    file_item,
    hs256,
    jwt,
    model,
    sample,
    timeseries,
)

ROW = {"name": "Pump", "typeId": "x", "timestamp": "2026-03-04T05:06:07Z", "severity": 20}
FILE = {"name": "a.log", "path": "logs", "updated_ms": 1}
TOKEN = jwt({"sub": "a" * 32, "iss": "x", "exp": 1e9, "aud": ["southgate"]}, hs256("secret"))
_keys = []


def multipart(data):
    """The first line is the content type, the rest the body."""
    line, _, body = data.partition(b"\n")
    try:
        for part in read_exchange(line.decode("latin-1"), body):
            read_item(part)
        return True
    except MalformedBody:
        return False


def json_text(data):
    try:
        parse_json(data)
        return True
    except ValueError:
        return False


def access_token(data):
    if not _keys:
        _keys.append(SigningKey(None))
    return _keys[0].verify(data.decode("latin-1")) is not None


def assertion(data):
    try:
        parse_assertion(data.decode("latin-1"))
        return True
    except ValueError:
        return False


def caller(data):
    """The first line is a token and a path, the rest a form."""
    line, _, body = data.partition(b"\n")
    token, _, path = line.decode("latin-1").partition(" ")
    agent = claimed_agent(token, path, body)
    assert isinstance(agent, str)
    return agent != ""


def asset_filter(data):
    text = data.decode("utf-8", "replace")
    for known in (None, frozenset(ROW)):
        try:
            read_filter(text, known, ignore_unknown=True)(ROW)
        except Refusal as refusal:
            assert refusal.status == 400
            return False
    return True


def file_filter(data):
    test = read_file_filter(data.decode("utf-8", "replace"))
    if test is not None:
        test(FILE)
    return test is not None


def fault_rule(data):
    """A rule that is taken can be shown, put back, and asked about a request."""
    try:
        value = parse_json(data)
        rule = Rule.from_json(value)
    except ValueError as error:
        assert len(str(error)) < 2000
        return False
    faults = Faults(PlatformClock())
    faults.replace([value])
    faults.replace(json.loads(json.dumps(faults.show())))
    rule.fits("POST", "/api/x", b"body")
    faults.take_connection()
    return True


def switches(data):
    settings = Settings()
    try:
        changes = parse_json(data)
        if not isinstance(changes, dict):
            return False
        settings.change(changes)
    except ValueError as error:
        assert len(str(error)) < 2000
        assert settings == Settings()
        return False
    return True


def content_type(data):
    try:
        assert 1 <= len(boundary_of(data.decode("latin-1"))) <= 70
        return True
    except MalformedBody:
        return False


def time_text(data):
    try:
        parse_time(data.decode("latin-1"))
        return True
    except ValueError:
        return False


_BODY = exchange_body(
    timeseries(sample("2026-01-05T08:00:00.000Z", P1="1")),
    event(),
    file_item("f", b"\r\nx"),
    model(configuration()),
)
TARGETS = {
    "multipart": (multipart, [b"multipart/mixed; boundary=OUT\n" + _BODY]),
    "content type": (content_type, [b'multipart/mixed;a="b\\"c";boundary="O U"', b"x;boundary=O"]),
    "JSON": (json_text, [json.dumps(configuration()).encode(), b'["\\ud834\\udd1e",1e9,null]']),
    "access token": (access_token, [TOKEN.encode()]),
    "client assertion": (assertion, [TOKEN.encode(), TOKEN.replace(".", "=.").encode()]),
    "who asks": (
        caller,
        [TOKEN.encode() + b" /x\n", b" /t\nclient_assertion=" + TOKEN.encode() + b"&a=b"],
    ),
    "filter": (
        asset_filter,
        [
            b'{"and":[{"name":{"contains":"P"}},{"not":{"severity":{"in":[1,20]}}}]}',
            b'{"timestamp":{"between":"[2026-03-01T00:00:00Z,2026-03-05T00:00:00Z)"}}',
            b'{"name":{"eq":{"value":"x"}},"or":{"typeId":null,"name":{"startsWith":"x"}}}',
        ],
    ),
    "file filter": (
        file_filter,
        [b"name eq 'a*.l*g' and path = logs and updated gte 2026-03-01T00:00:00Z"],
    ),
    "fault rule": (
        fault_rule,
        [
            json.dumps(Rule("status", headers={"A": "b"}, contains="x").as_dict()).encode(),
            b'{"action":"cut","probability":0.5,"not_before":"2026-03-01T08:00:00Z","for_s":5}',
        ],
    ),
    "settings": (switches, [json.dumps(Settings().as_dict()).encode(), b'{"token_life_s":5}']),
    "time": (time_text, [b"2026-03-01T08:00:00.123456789+01:30"]),
}
# What the hub did not sign is never good.
NEVER = {"access token"}
_SPLICES = (
    *(
        b"--OUT",
        b"--IN--",
        b"\r\n\r\n",
        b"\n",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\u",
        b"\x00",
        b"\xff",
    ),
    *(b"null", b"true", b"-1", b"1e999", b"9" * 40, b".", b"=", b";", b",", b" ", b"[" * 150, b""),
)


def damaged(seed, dice):
    """A copy of *seed* with one to six random places cut, doubled or replaced."""
    body = bytearray(seed)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(body) + 1)
        length = dice.choice((0, 1, 1, 2, 5, 60))
        kind = dice.random()
        if kind < 0.6:
            body[at : at + length] = dice.choice(_SPLICES)
        elif kind < 0.8:
            body[at : at + 1] = bytes([dice.randrange(256)])
        else:
            body[at:at] = body[at : at + length] * dice.choice((1, 2, 50))
    return bytes(body[:65536])


def inputs(name, number):
    """*number* inputs of a target, the same ones each time."""
    dice = random.Random(name)
    seeds = TARGETS[name][1]
    return [damaged(dice.choice(seeds), dice) for _ in range(number)]
