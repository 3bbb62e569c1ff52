"""The page's files and what it asks for. What it looks like: tests/browser."""

import http.client
import json
import math
import os
import re
import time

import pytest

import mcagent.emulator
from mcagent.emulator import Emulator, server

from .device import AGENTS, call, configuration, event, file_item, ready, sample
from .device import timeseries as series

STATIC = os.path.join(os.path.dirname(mcagent.emulator.__file__), "static")
T0 = "2026-01-05T08:00:00.000Z"
HOSTILE = "<img src=x onerror=alert(1)>"
# Whatever turns text into markup or code.
_MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
)


def asked(hub, path):
    return call(hub.url, "GET", "/_emulator/page/" + path)


def test_the_page_runs_only_what_this_hub_serves(hub):
    got = call(hub.url, "GET", "/")
    assert got.status == 200
    policy = got.headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
    assert parts["frame-ancestors"] == parts["base-uri"] == parts["form-action"] == "'none'"
    assert parts["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in policy
    assert b"<style" not in got.body  # the policy forbids what stands in the page itself
    assert not re.search(rb"<script(?![^>]*\bsrc=)|\bon[a-z]+=|style=", got.body)


def test_every_file_is_served_with_its_type_and_none_comes_from_elsewhere(hub):
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    types |= {"svg": "image/svg+xml", "LICENSE": "text/plain"}
    names = os.listdir(STATIC)
    assert {"index.html", "main.js", "page.css", "uplot.js", "uplot.LICENSE"} <= set(names)
    for name in names:
        got = asked(hub, "static/" + name)
        assert got.status == 200
        assert got.headers["content-type"].startswith(types[name.rpartition(".")[2]])
        # uPlot names its home in a comment, SVG its namespace.
        text = got.body.decode().replace("https://github.com/leeoniya/uPlot", "")
        assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text), name
        if not name.startswith("uplot"):
            assert not _MARKUP.search(text), name


@pytest.mark.parametrize(
    "name",
    ["", "nothing.js", "..%2fpage.py", "%2e%2e%2fanswers.py", "..", "page.css%00", "a/b.js"],
)
def test_other_files_are_not_served(hub, name):
    assert asked(hub, "static/" + name).status in (404, 405)


def test_a_large_data_model_is_shown_without_keeping_devices_waiting(hub):
    """The time grows with the points, not with their square: the hub serves nobody meanwhile."""
    device = ready(hub, **{f"p{number}": "LONG" for number in range(3000)})
    begun = time.process_time()
    (shown,) = asked(hub, "models").json
    assert time.process_time() - begun < 2
    assert shown["agent"] == device.id
    assert len(shown["mappings"]) == 3000


def test_the_overview_tells_of_agents_counts_and_faults(hub):
    device = ready(hub)
    hub.create_agent(HOSTILE)
    device.send(series(sample(T0, P1="1", nobody="2")))
    hub.settle()
    hub.set_faults([{"action": "delay", "id": "slow"}])
    hub.set_clock(60)
    seen = asked(hub, "overview").json
    first, second = seen["agents"]
    assert (first["id"], first["boarding"], first["online"]) == (device.id, "ONBOARDED", True)
    assert (first["points"], first["dropped"]) == (first["mapped"], {"unmapped value": 1})
    assert (second["name"], second["last_seen_ms"], second["online"]) == (HOSTILE, None, False)
    assert seen["counts"]["exchanges"] == 1
    assert seen["faults"][0]["id"] == "slow"
    assert seen["clock_offset_s"] == 60
    assert abs(seen["now_ms"] - 60_000 - time.time() * 1000) < 10_000


def test_exchanges_show_verdicts_and_payloads_as_they_came(hub):
    device = ready(hub)
    body = series(sample(T0, P1="1", nobody="2"))
    device.send(body, event(timestamp=T0), file_item("a.bin", b"\x00<b>"))
    hub.settle()
    (exchange,) = asked(hub, "exchanges").json
    kinds = [item["kind"] for item in exchange["items"]]
    assert kinds == ["timeseries", "event", "file"]
    lost, whole, file = exchange["items"]
    assert lost["dropped"] == 1
    assert "nobody" in lost["verdict"]
    assert not any(item["pending"] for item in exchange["items"])
    assert whole["dropped"] == 0
    assert whole["verdict"] == "Total items: 1, valid: 1, dropped: 0."
    got = asked(hub, f"items/{file['item']}")
    assert got.body == b"\x00<b>"
    assert file["size"] == len(got.body)
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"] == "attachment"
    payload = asked(hub, f"items/{lost['item']}").body
    assert json.loads(payload)[0]["timestamp"] == T0
    assert lost["size"] == len(payload)
    for none in (0, 99, 10**30):
        assert asked(hub, f"items/{none}").status == 404


def test_events_files_models_and_sources_are_listed(hub):
    device = ready(hub)
    device.send(series(sample(T0, P1="1")), event(timestamp=T0), file_item("a.txt", b"hello"))
    hub.settle()
    (one,) = asked(hub, "events").json
    assert one["event"]["timestamp"] == T0
    (file,) = asked(hub, "files").json
    assert (file["name"], file["size"]) == ("a.txt", 5)
    (model,) = asked(hub, "models").json
    points = [p["id"] for source in model["model"]["dataSources"] for p in source["dataPoints"]]
    assert [m["point"] for m in model["mappings"]] == points
    assert not any(m["invalid"] for m in model["mappings"])
    sources = asked(hub, "sources").json
    (asset,) = [asset for asset in sources["assets"] if asset["id"] == device.id]
    newest = {v["name"]: v["newest"] for v in asset["variables"]}
    assert newest["P1"]["delay_ms"] > 0
    assert [p["id"] for p in sources["agents"][0]["points"]] == points


def test_lists_are_bounded(hub):
    device = ready(hub)
    for _ in range(3):
        device.send(event(timestamp=T0))
    assert len(asked(hub, "exchanges?limit=2").json) == 2
    assert asked(hub, "exchanges?limit=9999999").status == 200
    for bad in ("x", "1e3", "9" * 30, "\u0663"):
        assert asked(hub, "exchanges?limit=" + _quoted(bad)).status == 400


def _quoted(text):
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_changes_are_told_at_once_and_nothing_when_nothing_happens(hub):
    host = hub.url.partition("//")[2]
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.request("GET", "/_emulator/page/stream")
    stream = connection.getresponse()
    assert stream.getheader("content-type") == "text/event-stream"

    def change():
        while not (line := stream.readline()).startswith(b"event: change"):
            assert line
        return True

    assert change()  # the page asks for all once
    for act in (
        lambda: hub.create_agent("a"),
        lambda: hub.set_faults([{"action": "delay", "id": "slow", "match": "/other"}]),
        lambda: hub.change_fault("slow", enabled=False),
        lambda: hub.set_clock(5),
    ):
        act()
        begun = time.monotonic()
        assert change()
        assert time.monotonic() - begun < 10  # a stream says that it is alive every 15
    connection.sock.settimeout(1)
    with pytest.raises(TimeoutError):
        for _ in range(4):  # the page may have looked between two steps of one act
            change()
    stream.close()
    connection.close()


def test_a_hub_stops_while_a_page_is_open(monkeypatch):
    monkeypatch.setattr(server, "_CLOSE_MAX_S", 30.0)
    with mcagent.emulator.Emulator(tls=False) as hub:
        connection = http.client.HTTPConnection(hub.url.partition("//")[2], timeout=30)
        connection.request("GET", "/_emulator/page/stream")
        stream = connection.getresponse()
        stream.readline()
        begun = time.monotonic()
    assert time.monotonic() - begun < 15
    stream.close()
    connection.close()


def test_no_fault_rule_locks_the_page(hub):
    hub.set_faults([{"action": "drop_before"}])
    assert call(hub.url, "GET", "/").status == 200
    assert asked(hub, "overview").status == 200
    assert hub.state()["requests"] == {}


@pytest.mark.parametrize("path", ["items/{}", "requests/{}", "series/{}"])
@pytest.mark.parametrize("number", ["9" * 18, "9" * 19, "9" * 5000, "-1", "x", "%D9%A1"])
def test_a_number_that_no_row_has_is_404(hub, path, number):
    assert asked(hub, path.format(number)).status == 404


@pytest.mark.parametrize("end", ["--5", "-", "x", "9" * 19, "%D9%A1"])
def test_an_end_of_a_range_that_is_no_number_is_400(hub, end):
    assert asked(hub, f"point?agent=a&point=b&from={end}").status == 400


def test_a_number_that_no_double_holds_breaks_no_view_and_no_answer(hub):
    """`1e999` is JSON, `Infinity` is none: browsers and clients could not read what holds it."""
    device = ready(hub)
    path = f"{AGENTS}/agents/{device.id}/dataSourceConfiguration"
    body = configuration("c2")
    body["dataSources"][0]["customData"] = {"limits": [-math.inf, 1.5, {"high": math.inf}]}
    raw = json.dumps(body).replace("Infinity", "1e999")
    assert device.call("PUT", path, raw, If_Match="1").status == 200
    payload, kind, content = event(details={"source": "pump", "level": math.inf})
    device.send((payload, kind, content.replace(b"Infinity", b"1e999")))
    hub.settle()

    def read(text):
        return json.loads(text, parse_constant=pytest.fail)

    kept = read(device.call("GET", path).body)["dataSources"][0]["customData"]
    assert kept == {"limits": [None, 1.5, {"high": None}]}
    for view in ("overview", "sources", "models", "events", "exchanges", "requests"):
        read(asked(hub, view).body)
    assert read(asked(hub, "events").body)[0]["event"]["details"]["level"] is None
    for line in call(hub.url, "GET", "/_emulator/received").body.splitlines():
        read(line)


@pytest.mark.slow
def test_a_thousand_agents_keep_nobody_waiting_for_the_page(figure):
    """What the page asks for at each turn: devices are not served meanwhile."""
    points = {f"p{number}": "DOUBLE" for number in range(10)}
    with Emulator(tls=False) as hub:
        agents = [
            {"name": f"a{n:04d}", "configuration": configuration(**points)} for n in range(1000)
        ]
        hub.seed({"agents": agents})
        for line in call(hub.url, "GET", "/_emulator/page/overview").json["agents"]:
            hub.automap(line["id"])
        took = {}
        for view in ("overview", "sources", "models"):
            begun = time.process_time()
            answer = asked(hub, view).json
            took[view] = round((time.process_time() - begun) * 1000)
    figure(
        "page: 1 000 agents of 10 mapped points",
        ", ".join(f"{v} {ms} ms" for v, ms in took.items()),
    )
    assert len(answer[-1]["mappings"]) == 10
    assert max(took.values()) < 1500  # a tenth of it on a quiet machine


@pytest.mark.slow
def test_a_long_answer_reaches_a_slow_reader_whole(hub):
    """More than fits into the sockets between: the rest waits, and is not cut off."""
    device = ready(hub)
    samples = [sample(T0, P1="1")] * 20_000
    for _ in range(2):
        device.send(series(*samples))
    host = hub.url.partition("//")[2]
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("GET", "/_emulator/received")
    answer = connection.getresponse()
    time.sleep(0.3)  # until the server has to wait for this reader
    assert sum(1 for _ in answer) == 40_000 + len(hub.received(kind="model"))
    connection.close()
