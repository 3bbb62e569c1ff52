"""Uploads in parts: order, gaps, sizes, conditions, life (services API 3.2)."""

import hashlib
import random
import threading

import pytest

from .application import Application
from .model import post_asset

FILES = "/api/iotfile/v3/files"
PART = 1000


@pytest.fixture
def app(hub):
    hub.change_settings(min_part_bytes=PART, max_upload_bytes=5 * PART, max_file_bytes=3 * PART)
    return Application(hub)


@pytest.fixture
def path(app):
    return f"{FILES}/{post_asset(app).json['assetId']}/big/film.bin"


def pieces(number, last=1):
    dice = random.Random(7)
    return [dice.randbytes(PART) for _ in range(number - 1)] + [dice.randbytes(last)]


def step(app, path, query, body=b"", **headers):
    return app.call("PUT", f"{path}?{query}", body, **headers)


def test_parts_in_any_order_become_the_file(app, path):
    """Promise: metadata of the start, bytes in the order of the numbers, etag 0."""
    parts = pieces(4)
    headers = {"type": "video/mp4", "description": "film", "timestamp": "2026-03-04T05:06:07Z"}
    assert step(app, path, "upload=start", **headers).status == 201
    for number in (3, 1, 4, 2):
        assert step(app, path, f"part={number}", parts[number - 1]).status == 201
    listed = app.call("GET", path.replace("/files/", "/fileslist/"))
    assert [one["part"] for one in listed.json] == [1, 2, 3, 4]
    assert app.call("GET", path.replace("/files/", "/filelist/")).json == listed.json
    assert app.call("GET", path).status == 404
    got = step(app, path, "upload=complete")
    assert (got.status, got.headers["etag"]) == (201, "0")
    read = app.call("GET", path)
    assert read.body == b"".join(parts)
    assert read.headers["content-type"] == "video/mp4"
    shown = app.call("GET", path.rpartition("/big/")[0]).json[0]
    assert (shown["description"], shown["timestamp"]) == ("film", "2026-03-04T05:06:07.000Z")
    assert app.call("GET", path.replace("/files/", "/fileslist/")).status == 404


def test_the_last_part_may_come_with_the_completion(app, path):
    """Promise: what the Node client does: the remainder is the body of `complete`."""
    parts = pieces(3, last=5)
    step(app, path, "upload=start")
    for number, part in enumerate(parts[:-1], start=1):
        step(app, path, f"part={number}", part)
    assert step(app, path, "upload=complete", parts[-1]).status == 201
    assert app.call("GET", path).body == b"".join(parts)


def test_a_part_that_comes_twice_replaces_itself(app, path):
    step(app, path, "upload=start")
    for body in (b"old" * PART, b"new" * 10):
        assert step(app, path, "part=1", body).status == 201
    step(app, path, "upload=complete")
    assert app.call("GET", path).body == b"new" * 10


def test_parts_may_come_at_once(app, path):
    parts = pieces(4)
    step(app, path, "upload=start")
    statuses = []

    def send(number):
        statuses.append(step(app, path, f"part={number}", parts[number - 1]).status)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 4
    step(app, path, "upload=complete")
    assert (
        hashlib.md5(app.call("GET", path).body).digest() == hashlib.md5(b"".join(parts)).digest()
    )


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("1", 201),
        ("1000", 201),
        ("0", 400),
        ("1001", 400),
        ("-1", 400),
        ("x", 400),
        ("", 400),
        ("1" * 5000, 400),
    ],
)
def test_numbers_of_parts_at_their_limits(app, path, number, status):
    step(app, path, "upload=start")
    assert step(app, path, f"part={number}", b"x").status == status


def test_a_gap_is_refused_and_can_be_filled(app, path):
    step(app, path, "upload=start")
    for number in (1, 3):
        step(app, path, f"part={number}", b"x" * PART)
    got = step(app, path, "upload=complete")
    assert (got.status, got.json["message"]) == (400, "Part 2 is missing.")
    step(app, path, "part=2", b"y" * PART)
    assert step(app, path, "upload=complete").status == 201


@pytest.mark.parametrize(("size", "status"), [(PART, 201), (PART - 1, 400)])
def test_all_parts_but_the_last_have_a_least_size(app, path, size, status):
    step(app, path, "upload=start")
    step(app, path, "part=1", b"x" * size)
    step(app, path, "part=2", b"x")
    assert step(app, path, "upload=complete").status == status


@pytest.mark.parametrize(("last", "status"), [(2 * PART, 201), (2 * PART + 1, 400)])
def test_all_parts_together_at_their_limit_and_one_beyond(app, path, last, status):
    step(app, path, "upload=start")
    assert step(app, path, "part=1", b"x" * 3 * PART).status == 201
    assert step(app, path, "part=2", b"x" * last).status == status


def test_a_part_is_no_larger_than_a_file(app, path):
    step(app, path, "upload=start")
    assert step(app, path, "part=1", b"x" * 3 * PART).status == 201
    assert step(app, path, "part=1", b"x" * (3 * PART + 1)).status == 400


@pytest.mark.parametrize("query", ["part=1", "upload=complete", "upload=abort"])
def test_steps_of_an_upload_that_was_never_started_are_404(app, path, query):
    assert step(app, path, query, b"x").status == 404
    assert step(app, path, "upload=halt").status == 400


def test_an_aborted_upload_leaves_nothing(hub, app, path):
    step(app, path, "upload=start")
    step(app, path, "part=1", b"x")
    assert step(app, path, "upload=abort").status == 200
    assert step(app, path, "upload=complete").status == 404
    with hub._running.store.reading() as db:
        assert db.execute("SELECT count(*) FROM upload_parts").fetchone()[0] == 0


def test_a_start_begins_anew_and_an_empty_upload_is_refused(app, path):
    step(app, path, "upload=start")
    step(app, path, "part=1", b"old")
    step(app, path, "upload=start")
    assert step(app, path, "upload=complete").status == 400
    assert step(app, path, "part=1", b"").status == 400


def test_a_file_is_replaced_with_its_etag_on_every_step(app, path):
    """Promise: 409 for any step without the current etag; 200 and etag + 1 with it."""
    assert app.call("PUT", path, b"old").status == 201
    for query in ("upload=start", "part=1", "upload=complete"):
        assert step(app, path, query, b"x").status == 409, query
        assert step(app, path, query, b"x", If_Match="5").status == 409, query
    assert step(app, path, "upload=start", If_Match="0").status == 200
    assert step(app, path, "part=1", b"new", If_Match="0").status == 200
    assert app.call("GET", path).body == b"old"
    got = step(app, path, "upload=complete", If_Match="0")
    assert (got.status, got.headers["etag"]) == (200, "1")
    assert app.call("GET", path).body == b"new"


@pytest.mark.parametrize(("offset_s", "status"), [(2 * 86400 - 60, 201), (2 * 86400 + 60, 404)])
def test_an_unfinished_upload_vanishes_after_two_days(hub, path, offset_s, status):
    hub.change_settings(application_token_life_s=10 * 86400, token_life_s=10 * 86400)
    app = Application(hub)
    step(app, path, "upload=start")
    step(app, path, "part=1", b"x")
    hub.set_clock(offset_s)
    assert step(app, path, "upload=complete").status == status


def test_what_vanished_is_not_kept_on_the_disk(hub, path):
    hub.change_settings(token_life_s=10 * 86400)
    app = Application(hub)
    step(app, path, "upload=start")
    step(app, path, "part=1", b"x")
    hub.set_clock(2 * 86400 + 60)
    step(app, f"{path}.other", "upload=start")
    step(app, f"{path}.other", "part=1", b"y")
    with hub._running.store.reading() as db:
        kept = [row["name"] for row in db.execute("SELECT name FROM upload_parts")]
    assert kept == ["film.bin.other"]


def test_the_node_clients_sizes_pass_in_strict_mode(hub, app, path):
    """Promise: a part of 8 MiB, its uploader's default, and the remainder with `complete`."""
    hub.change_settings(
        min_part_bytes=5_242_880, max_upload_bytes=268_435_456, max_file_bytes=104_857_600
    )
    step(app, path, "upload=start")
    assert step(app, path, "part=1", bytes(8 * 1024 * 1024)).status == 201
    assert step(app, path, "upload=complete", b"x").status == 201
    assert (
        hashlib.md5(app.call("GET", path).body).hexdigest()
        == hashlib.md5(bytes(8 * 1024 * 1024) + b"x").hexdigest()
    )
