"""`mcagent files`: up and down through cuts, and what is asked before anything is lost."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mcagent.cli import exits
from mcagent.services import files_upload
from mcagent.services.files import Files
from tests.cli.running import ROOT, refused

NONE = "0" * 32


@pytest.fixture
def asset(tenant):
    return tenant.hub.create_asset("Press 7", {"press": {"a": {"type": "DOUBLE"}}})


def test_a_file_goes_up_and_comes_down(tenant, asset):
    """By the asset's name; the hash is told; nothing is replaced unasked."""
    content = random.Random(3).randbytes(20_000)
    path = tenant.folder / "report.pdf"
    path.write_bytes(content)
    put = ("files", "put", path, "Press 7", "--name", "docs/report.pdf")
    dry = tenant.run(*put, "--dry-run")
    assert dry.out == "would upload 20000 bytes to Press 7 as docs/report.pdf\n"
    assert tenant.json("files", "ls", asset)["files"] == []
    done = tenant.json(*put, "--type", "application/pdf", "--description", "boot")
    assert done["sha256"] == hashlib.sha256(content).hexdigest()
    (row,) = tenant.json("files", "ls", "Press 7")["files"]
    assert (row["name"], row["size"], row["type"]) == ("docs/report.pdf", 20000, "application/pdf")
    refused(tenant.run(*put), exits.CONFIGURATION, "has a file docs/report.pdf already")
    assert tenant.run(*put, "--dry-run").out.endswith("replacing 20000 bytes\n")
    assert tenant.run(*put, "--replace").code == 0
    to = tenant.folder / "copy.pdf"
    got = tenant.json("files", "get", asset, "docs/report.pdf", to)
    assert (to.read_bytes(), got["sha256"]) == (content, done["sha256"])
    refused(tenant.run("files", "get", asset, "docs/report.pdf", to), exits.CONFIGURATION, "there")
    assert tenant.run("files", "get", asset, "docs/report.pdf", to, "--replace").code == 0


def test_deleting_asks_and_knows_what_is_there(tenant, asset):
    """A name that is not there deletes nothing at all."""
    tenant.run("files", "put", tenant.file("a.txt", "a"), asset)
    refused(
        tenant.run("files", "delete", asset, "a.txt", "b.txt", "--yes"),
        exits.INVALID,
        "has no file b.txt",
        "nothing was deleted",
    )
    refused(tenant.run("files", "delete", asset, "a.txt"), exits.USAGE, "asks first")
    tenant.answers("no")
    assert tenant.run("files", "delete", asset, "a.txt").code == exits.INCOMPLETE
    assert tenant.json("files", "delete", asset, "a.txt", "--dry-run")["deleted"] == []
    assert len(tenant.json("files", "ls", asset)["files"]) == 1
    tenant.answers("y")
    assert tenant.run("files", "delete", asset, "a.txt").code == 0
    assert tenant.json("files", "ls", asset)["files"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("put", "none.bin", "Press 7"), exits.INVALID, "cannot read none.bin"),
        (("put", "/tmp", "Press 7", "--name", "x"), exits.INVALID, "/tmp is not a file"),
        (("put", __file__, "Nobody"), exits.INVALID, "no asset is called 'Nobody'"),
        (("put", __file__, NONE), exits.REFUSED, "404"),
        (("put", __file__, "Press 7", "--name", "../x"), exits.INVALID, "'.' or '..'"),
        (("put", __file__, "Press 7", "--type", "ü"), exits.INVALID, "printable ASCII"),
        (("put", __file__, "Press 7", "--part-mb", "1"), exits.CONFIGURATION, "too small"),
        (("get", "Press 7", "none.bin"), exits.REFUSED, "404"),
    ],
)
def test_bad_input_is_told(tenant, asset, arguments, code, words):
    """One line, one hint, and no request that changes anything."""
    refused(tenant.run("files", *arguments), code, words)
    assert tenant.hub.files() == []


def test_a_deletion_that_ends_in_the_middle_says_which_are_gone(tenant, asset):
    """The second is refused: of three one is gone."""
    for name in "abc":
        tenant.run("files", "put", tenant.file(f"{name}.txt", name), asset)
    rule = {"action": "status", "status": 403, "match": "DELETE *b.txt"}
    tenant.hub.set_faults([rule])
    result = tenant.run("files", "delete", asset, "a.txt", "b.txt", "c.txt", "--yes")
    tenant.hub.set_faults([])
    assert result.code == exits.REFUSED
    assert "deleted before it ended: 1 of 3: a.txt" in result.err
    assert [row["name"] for row in tenant.json("files", "ls", asset)["files"]] == [
        "b.txt",
        "c.txt",
    ]


def test_credentials_for_files_alone_will_do(tenant, asset):
    """By the asset's id: its name could not be looked up."""
    tenant.allow(["iot.fil.r", "iot.fil.w"])
    assert tenant.run("files", "put", tenant.file("a.txt", "a"), asset).code == 0
    assert len(tenant.json("files", "ls", asset.upper())["files"]) == 1
    refused(tenant.run("files", "ls", "Press 7"), exits.REFUSED, "asm.r is missing", "asm.r")


@pytest.mark.parametrize("action", ["put", "get"])
def test_ctrl_c_says_that_the_rest_can_follow(tenant, asset, monkeypatch, action):
    """130, and what the same command does next."""
    path = tenant.file("a.txt", "a")
    tenant.run("files", "put", path, asset, "--name", "b.txt")

    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Files, "upload", interrupted)
    monkeypatch.setattr(Files, "download", interrupted)
    what = (path, asset) if action == "put" else (asset, "b.txt", tenant.folder / "c.txt")
    result = tenant.run("files", action, *what)
    assert result.code == exits.INTERRUPTED
    assert "not complete" in result.err
    assert "the same command goes on" in result.err


def test_a_file_that_changes_meanwhile_is_told(tenant, asset, monkeypatch):
    """Exit code 3; nothing of it is on the platform."""
    monkeypatch.setattr(files_upload, "LEAST_PART_BYTES", 1)
    tenant.hub.change_settings(min_part_bytes=1)
    path = tenant.folder / "log.txt"
    path.write_bytes(b"x" * 3_000_000)
    grown = []
    real = files_upload.Upload._check_source

    def check(upload):
        if not grown:
            grown.append(1)
            with open(path, "ab") as file:
                file.write(b"more")
        real(upload)

    monkeypatch.setattr(files_upload.Upload, "_check_source", check)
    result = tenant.run("files", "put", path, asset, "--part-mb", "1")
    refused(result, exits.INVALID, "changed while it was uploaded (from 3000000 to 3000004 bytes)")
    assert tenant.hub.files() == []


@pytest.mark.slow
def test_60_mb_killed_three_times_arrive_with_the_same_hash(tenant, asset, figure):
    """kill -9 in the middle, three times; the fourth run sends what is missing."""
    path = tenant.folder / "video.bin"
    data = random.Random(60).randbytes(1_000_000) * 60
    path.write_bytes(data)
    wanted = hashlib.sha256(data).hexdigest()
    try:
        for cut in (1, 2, 3):
            # Two parts more (the first time a start, too), and the next one hangs until it is killed.
            plain = {
                "match": "PUT /api/iotfile/*",
                "action": "content_type",
                "times": 2 + (cut == 1),
            }
            hangs = {"match": "PUT /api/iotfile/*", "action": "slow_body", "seconds": 300}
            tenant.hub.set_faults([{**plain, "content_type": "application/json"}, hangs])
            killed_when(tenant, path, asset, lambda cut=cut: parts_noted(tenant) >= 2 * cut)
            assert tenant.hub.files(asset) == []
    finally:
        tenant.hub.set_faults([])
    begin = time.monotonic()
    done = tenant.json("files", "put", path, asset)
    figure("60 MB after three kills, the rest", f"{time.monotonic() - begin:.1f} s")
    assert done["sha256"] == wanted
    assert [file["sha256"] for file in tenant.hub.files(asset)] == [wanted]
    # Eight parts of 8 MiB: what arrived before a kill was not sent again.
    assert done["partsKept"] >= 6
    assert done["partsKept"] + done["partsSent"] == 8


def parts_noted(tenant):
    """How many parts the upload has noted as arrived."""
    uploads = tenant.folder / "xdg" / "mcagent" / "uploads"
    return sum(len(json.loads(path.read_text())["parts"]) for path in uploads.glob("*.json"))


def killed_when(tenant, path, asset, ready):
    """Run the upload in a process and kill it when *ready* says so."""
    command = [sys.executable, "-m", "mcagent", "files", "put", str(path), asset]
    process = subprocess.Popen(
        [*command, "--ca", tenant.hub.ca_file],
        env={**os.environ, "PYTHONPATH": ROOT},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        give_up = time.monotonic() + 120
        while not ready():
            assert time.monotonic() < give_up
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
