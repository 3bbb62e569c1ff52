"""IoT File v3: put, read, list, delete, etags, limits (services API 3)."""

import hashlib
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcagent.emulator.files_filter import matches, read_file_filter

from .application import Application
from .device import call, file_item, onboarded
from .model import ASSETS, post_asset, root

FILES = "/api/iotfile/v3/files"


@pytest.fixture
def app(hub):
    return Application(hub)


@pytest.fixture
def asset(app):
    return post_asset(app).json["assetId"]


def put(app, asset, name="logs/2026/pump.log", content=b"started", **headers):
    return app.call("PUT", f"{FILES}/{asset}/{name}", content, **headers)


def listing(app, asset, query=""):
    return app.call("GET", f"{FILES}/{asset}?{query}")


def names(got):
    return [one["path"] + one["name"] for one in got.json]


def test_a_file_comes_back_as_it_was_put_with_what_the_headers_said(hub, app, asset):
    """Promise: bytes, type, description and time; name and path taken apart (3.1, 3.3)."""
    got = put(
        app,
        asset,
        content=bytes(range(256)),
        type="text/plain",
        description="boot log",
        timeStamp="2026-03-04T05:06:07.089Z",
        ifMatch="7",  # the Node client's plain PUT sends this by name; it means nothing
        part="x",
    )
    assert (got.status, got.headers["etag"]) == (201, "0")
    read = app.call("GET", f"{FILES}/{asset}/logs/2026/pump.log")
    assert (read.status, read.body) == (200, bytes(range(256)))
    assert (read.headers["etag"], read.headers["content-type"]) == ("0", "text/plain")
    (shown,) = listing(app, asset).json
    assert shown.pop("created") == shown.pop("updated")
    assert shown == {
        "name": "pump.log",
        "path": "logs/2026/",
        "type": "text/plain",
        "size": 256,
        "description": "boot log",
        "timestamp": "2026-03-04T05:06:07.089Z",
        "createdBy": "operator",
        "updatedBy": "operator",
        "etag": 0,
        "tenantId": "localdev",
        "storagePrefix": asset,
    }


def test_a_file_in_the_root_has_an_empty_path_and_odd_names_survive(app, asset):
    for name in ("pump.log", "a b+c#%.txt", "über/größe.bin", "a//b", "x" * 1024):
        assert put(app, asset, quote(name), name.encode()).status == 201, name
        assert app.call("GET", f"{FILES}/{asset}/{quote(name)}").body == name.encode()
    assert "pump.log" in names(listing(app, asset))
    assert listing(app, asset, "filter=name%20eq%20pump.log").json[0]["path"] == ""


@pytest.mark.parametrize("name", ["logs/", "x" * 1025, "a%00b", "a%0Ab", ""])
def test_what_is_no_name_is_refused(app, asset, name):
    assert put(app, asset, name).status in (400, 404, 405)
    assert listing(app, asset).json == []


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("timestamp", "2026-03-04T05:06:07Z", 201),
        ("timestamp", "yesterday", 400),
        ("description", "x" * 1024, 201),
        ("description", "x" * 1025, 400),
        ("type", "x" * 1024, 201),
        ("type", "x" * 1025, 400),
    ],
)
def test_metadata_at_their_limits(app, asset, header, value, status):
    assert put(app, asset, **{header: value}).status == status


def test_replacing_needs_the_current_etag(hub, app, asset):
    """Promise: 409 without or with a stale `If-Match`, and each replacement counts one (3.1)."""
    assert put(app, asset, If_Match="0").status == 404
    assert put(app, asset).headers["etag"] == "0"
    assert put(app, asset).status == 409
    assert put(app, asset, If_Match="1").status == 409
    got = put(app, asset, content=b"two", If_Match="0")
    assert (got.status, got.headers["etag"]) == (200, "1")
    assert put(app, asset, content=b"three", If_Match='"1"').headers["etag"] == "2"
    hub.change_settings(stale_file_status=412)
    assert put(app, asset).status == 412
    assert app.call("GET", f"{FILES}/{asset}/logs/2026/pump.log").body == b"three"
    assert len(hub.files(asset)) == 1


def test_a_plain_upload_at_its_limit_and_one_beyond(hub, app, asset):
    hub.change_settings(max_file_bytes=1000)
    assert put(app, asset, "fits", b"x" * 1000).status == 201
    got = put(app, asset, "beyond", b"x" * 1001)
    assert (got.status, "in parts" in got.json["message"]) == (400, True)
    hub.change_settings(too_large_status=413)
    assert put(app, asset, "beyond", b"x" * 1001).status == 413
    assert put(app, asset, "empty", b"").status == 201
    assert app.call("GET", f"{FILES}/{asset}/empty").body == b""


@pytest.mark.parametrize(
    ("wanted", "status", "body", "where"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=8-", 206, b"89", "bytes 8-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=9-9", 206, b"9", "bytes 9-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
        ("bytes=-0", 416, None, "bytes */10"),
        ("bytes=5-4", 200, b"0123456789", None),
        ("bytes=0-1,3-4", 200, b"0123456789", None),
        ("bytes=-", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=" + "9" * 30 + "-", 200, b"0123456789", None),
    ],
)
def test_ranges(app, asset, wanted, status, body, where):
    put(app, asset, "digits", b"0123456789")
    got = app.call("GET", f"{FILES}/{asset}/digits", Range=wanted)
    assert got.status == status
    assert body is None or got.body == body
    assert got.headers.get("content-range") == where
    head = app.call("HEAD", f"{FILES}/{asset}/digits", Range=wanted)
    assert (head.status, head.body) == (status, b"")
    told = ("content-length", "content-range", "content-type", "etag")
    assert body is None or [head.headers.get(t) for t in told] == [
        got.headers.get(t) for t in told
    ]


def test_a_file_is_deleted_for_good_with_its_bytes(hub, app, asset):
    content = b"only here"
    put(app, asset, "one", content)
    put(app, asset, "two", content)
    digest = hashlib.sha256(content).hexdigest()
    assert app.call("DELETE", f"{FILES}/{asset}/one").status == 204
    assert app.call("GET", f"{FILES}/{asset}/one").status == 404
    assert hub.file_content(digest) == content
    assert app.call("DELETE", f"{FILES}/{asset}/two").status == 204
    assert call(hub.url, "GET", f"/_emulator/files/{digest}").status == 404
    assert app.call("DELETE", f"{FILES}/{asset}/two").status == 404


def test_the_bytes_of_what_an_agent_sent_stay_in_the_journal(hub, app):
    device = onboarded(hub)
    device.send(file_item("a.log", b"from the field"))
    hub.settle()
    digest = hub.files()[0]["sha256"]
    assert app.call("DELETE", f"{FILES}/{device.id}/a.log").status == 204
    assert hub.files() == []
    assert hub.file_content(digest) == b"from the field"


def test_files_of_an_exchange_are_read_back_on_the_agents_asset(hub, app):
    """Promise: name, type, time and bytes; the same name again replaces it (3.4)."""
    device = onboarded(hub)
    for content in (b"one", b"two"):
        device.send(file_item("logs/a.log", content))
        hub.settle()
    (shown,) = listing(app, device.id).json
    assert (shown["path"], shown["name"], shown["etag"]) == ("logs/", "a.log", 1)
    assert shown["timestamp"] == "2026-01-05T08:00:00.000Z"
    assert shown["createdBy"] == "press-07"
    assert app.call("GET", f"{FILES}/{device.id}/logs/a.log").body == b"two"
    device.send(file_item("logs/", b"no name"))
    hub.settle()
    assert len(listing(app, device.id).json) == 1
    assert hub.state()["dropped"] == {"file with a bad name": 1}


def test_lists_are_cut_counted_sorted_and_limited(app, asset):
    for number in range(7):
        put(app, asset, f"dir/f{number}.txt", b"x" * number)
    assert names(listing(app, asset, "offset=5")) == ["dir/f5.txt", "dir/f6.txt"]
    got = listing(app, asset, "limit=2&offset=1&count=true&order=name%20desc")
    assert names(got) == ["dir/f5.txt", "dir/f4.txt"]
    assert got.headers["count"] == "7"
    assert listing(app, asset, "offset=7").json == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("limit=500", 200),
        ("limit=501", 400),
        ("limit=1", 200),
        ("limit=0", 400),
        ("limit=x", 400),
        ("offset=10000", 200),
        ("offset=10001", 400),
        ("offset=-1", 400),
        ("order=name", 200),
        ("order=updated%20DESC", 200),
        ("order=size", 400),
        ("order=name%20up", 400),
        ("order=name%20asc%20desc", 400),
        ("count=perhaps", 200),
    ],
)
def test_parameters_of_a_list_at_their_limits(app, asset, query, status):
    assert listing(app, asset, query).status == status


FILE = {"name": "xyz7.txt", "path": "unit/test/", "updated_ms": 1_000}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("name eq xyz*.txt and path eq unit/test/", True),
        ("name eq 'xyz7.txt' AND path = \"unit/test/\"", True),
        ("name=xyz7.txt", True),
        ("name eq xyz.txt", False),
        ("path eq unit/*", True),
        ("path eq 'other/*'", False),
        ("name gt xyz6.txt and name lt xyz8.txt", True),
        ("name gte xyz7.txt and name lte xyz7.txt", True),
        ("name gt xyz7.txt", False),
        ("updated gt 1970-01-01T00:00:00Z", True),
        ("updated lte 1970-01-01T00:00:01Z", True),
        ("updated lt 1970-01-01T00:00:01Z", False),
    ],
)
def test_filters_of_files(text, expected):
    assert read_file_filter(text)(FILE) is expected


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "size gt 5",
        "name like x",
        "name eq 'x",
        "updated gt yesterday",
        "name eq x or name eq y and",
        "{}",
    ],
)
def test_a_filter_that_cannot_be_read_lets_everything_pass(app, asset, text):
    """Promise: the service's trap is there: a client must look at what it got (3.3)."""
    put(app, asset, "one")
    put(app, asset, "two")
    if read_file_filter(text) is None:
        assert len(listing(app, asset, f"filter={quote(text)}").json) == 2
    else:  # "or" is text of a value here, as it is for the service
        assert text.startswith("name eq x or")


@given(
    pattern=st.text(alphabet="ab*", max_size=12),
    text=st.text(alphabet="ab", max_size=20),
)
def test_wildcards_match_as_a_regular_expression_would(pattern, text):
    import re

    expression = ".*".join(re.escape(piece) for piece in pattern.split("*"))
    assert matches(pattern, text) is (re.fullmatch(expression, text) is not None)


def test_no_pattern_takes_long():
    """Promise: the pattern that stops a backtracking matcher is answered at once."""
    assert not matches("*a" * 5000 + "b", "a" * 100_000)


def test_another_tenants_files_are_refused_and_shared_ones_are_read_only(hub, app, asset):
    put(app, asset, "one")
    neighbour = Application(hub, tenant="otherdev")
    path = f"{FILES}/{asset}/one"
    assert {neighbour.call("GET", p).status for p in (path, f"{FILES}/{asset}")} == {403}
    call(hub.url, "POST", f"/_emulator/assets/{asset}/share", {"tenant": "otherdev"})
    assert {neighbour.call("GET", p).status for p in (path, f"{FILES}/{asset}")} == {200}
    assert put(neighbour, asset, "two").status == 403
    assert neighbour.call("DELETE", path).status == 403
    assert app.call("GET", path).status == 200


def test_an_agent_keeps_to_its_own_asset_unless_the_switch_says_otherwise(hub, app, asset):
    device = onboarded(hub)
    assert put(device, device.id, "own").status == 201
    assert device.call("GET", f"{FILES}/{device.id}/own").status == 200
    assert put(device, asset, "foreign").status == 403
    assert listing(device, asset).status == 403
    hub.change_settings(agents_keep_to_themselves=False)
    assert put(device, asset, "foreign").status == 201


def test_files_of_an_unknown_asset_are_404_and_go_with_the_asset(app, asset):
    assert put(app, "0" * 32, "one").status == 404
    put(app, asset, "one")
    etag = str(app.call("GET", f"{ASSETS}/assets/{asset}").json["etag"])
    assert app.call("DELETE", f"{ASSETS}/assets/{asset}", If_Match=etag).status == 204
    assert listing(app, asset).status == 404


def test_what_a_browser_is_shown_is_never_run(app):
    asset = root(app)
    put(app, asset, "page.html", b"<script>alert(1)</script>", type="text/html")
    got = app.call("GET", f"{FILES}/{asset}/page.html")
    assert "sandbox" in got.headers["content-security-policy"]
    assert got.headers["x-content-type-options"] == "nosniff"
    put(app, asset, "odd", b"x", type="text/html\t; x=\xe9")
    odd = app.call("GET", f"{FILES}/{asset}/odd")
    assert odd.headers["content-type"] == "application/octet-stream"
