"""Files: the Node agent and the Node file client, small and in parts."""

import base64
import hashlib

import pytest

from .node import NodeError, octets
from .operations import shows

FILES = "/api/iotfile/v3/files/"
MIB = 1024 * 1024
# Two parts: the client cuts at 8 MiB, in steps of one.
LARGE = bytes(range(256)) * (36 * 1024) + b"the last part is short"


def write(world, name, content):
    path = "%s/%s" % (world.directory, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


def listed(world, asset, name):
    found = [
        line for line in world.plain.get(FILES + asset) if line["path"] + line["name"] == name
    ]
    assert len(found) == 1, found
    return found[0]


@shows(
    "MindConnectAgent.Upload",
    compared="bytes and MD5, name, type, description; then once more over the first (eTag)",
)
def test_an_agent_uploads_small_files(world):
    agent, ident = world.onboarded()
    path = write(world, "boot.log", b"line\r\n\x00\xff")
    digest = agent.call("Upload", path, "text/plain", "boot log", False)
    assert digest == hashlib.md5(b"line\r\n\x00\xff").hexdigest()
    assert world.plain.octets(FILES + ident + "/boot.log") == b"line\r\n\x00\xff"
    there = listed(world, ident, "boot.log")
    assert (there["type"], there["description"], there["size"]) == ("text/plain", "boot log", 8)
    write(world, "boot.log", b"second")
    agent.call("Upload", path, "text/plain", "boot log")
    assert world.plain.octets(FILES + ident + "/boot.log") == b"second"
    assert listed(world, ident, "boot.log")["etag"] == there["etag"] + 1
    # A buffer has no name of its own.
    agent.call("Upload", octets(b"from memory"), "text/plain", "buffer")
    assert world.plain.octets(FILES + ident + "/no-filepath-for-buffer") == b"from memory"


@shows(
    "MindConnectAgent.UploadFile",
    compared="9 MB in two parts: bytes, size and MD5; too big without parts is refused by the client",
)
def test_an_agent_uploads_a_large_file_in_parts(world):
    agent, ident = world.onboarded()
    path = write(world, "trace.bin", LARGE)
    with pytest.raises(NodeError, match="too big"):
        agent.call("UploadFile", ident, "traces/trace.bin", path, {"chunk": False})
    given = {"chunk": True, "chunkSize": 8 * MIB, "type": "application/octet-stream"}
    digest = agent.call("UploadFile", ident, "traces/trace.bin", path, given)
    assert digest == hashlib.md5(LARGE).hexdigest()
    there = world.plain.octets(FILES + ident + "/traces/trace.bin")
    assert hashlib.sha256(there).digest() == hashlib.sha256(LARGE).digest()
    assert listed(world, ident, "traces/trace.bin")["size"] == len(LARGE)


@shows(
    "IotFileClient.PutFile",
    "IotFileClient.GetFile",
    "IotFileClient.GetFiles",
    "IotFileClient.DeleteFile",
    compared="bytes and eTag header; the list with a filter and by pages; 404 after the deletion",
)
def test_files_are_put_listed_read_and_deleted(world):
    asset = world.hub.create_asset("Press 7")
    client = world.sdk().client("GetIoTFileClient")
    put = client.call("PutFile", asset, "logs/a.txt", octets(b"first"), {"type": "text/plain"})
    assert put["headers"]["etag"] == "0"
    client.call("PutFile", asset, "logs/b.txt", octets(b"other"), {"type": "text/plain"})
    got = client.call("GetFile", asset, "logs/a.txt")
    assert got["status"] == 200
    assert base64.b64decode(got["body"]) == b"first"
    assert world.plain.octets(FILES + asset + "/logs/a.txt") == b"first"
    names = client.call("GetFiles", asset, {"filter": "name eq b.txt and path eq logs/"})
    assert [line["name"] for line in names] == ["b.txt"]
    pages = [
        client.call("GetFiles", asset, {"offset": offset, "limit": 1, "order": "name asc"})
        for offset in (0, 1, 2)
    ]
    assert [[line["name"] for line in page] for page in pages] == [["a.txt"], ["b.txt"], []]
    client.call("DeleteFile", asset, "logs/a.txt")
    assert world.plain.status(FILES + asset + "/logs/a.txt") == 404
    assert [line["name"] for line in client.call("GetFiles", asset)] == ["b.txt"]


@shows(
    "IotFileClient.UploadFile",
    "IotFileClient.GetMultipartUploads",
    "IotFileClient.AbortUpload",
    compared="9 MB in two parts: bytes; the parts of an upload that was not ended; none after its end",
)
def test_the_file_client_uploads_in_parts_and_aborts(world):
    asset = world.hub.create_asset("Press 7")
    client = world.sdk().client("GetIoTFileClient")
    given = {"chunk": True, "chunkSize": 8 * MIB, "type": "video/mp4", "description": "a film"}
    digest = client.call("UploadFile", asset, "film.mp4", write(world, "film.mp4", LARGE), given)
    assert digest == hashlib.md5(LARGE).hexdigest()
    assert len(world.plain.octets(FILES + asset + "/film.mp4")) == len(LARGE)
    assert listed(world, asset, "film.mp4")["type"] == "video/mp4"
    for query, body in (("upload=start", b""), ("part=1", bytes(5 * MIB))):
        path = FILES + asset + "/left.bin?" + query
        assert world.plain.request("PUT", path, body).status in (200, 201)
    parts = client.call("GetMultipartUploads", asset, "left.bin")
    assert str(5 * MIB) in str(parts)
    client.call("AbortUpload", asset, "left.bin")
    assert world.plain.status(FILES + asset + "/left.bin") == 404
    assert world.plain.request("PUT", FILES + asset + "/left.bin?part=2", bytes(9)).status == 404
