"""mcagent/services/files*.py: uploads in parts that survive cuts, downloads, lists, deletions."""

import errno
import hashlib
import json
import os
import random

import pytest

from mcagent import ConfigurationError, InvalidMessage, RemoteError, TransportError
from mcagent.runtime import FileSystem
from mcagent.services import files_download, files_upload
from mcagent.services.files import Files
from mcagent.services.files_source import FileChanged, Source
from mcagent.services.files_values import FileMeta, check_name
from tests.services.meddler import Meddler, meddle

PART = 10_000  # instead of 5 MB: the same way, in a moment


@pytest.fixture
def small_parts(platform, monkeypatch):
    monkeypatch.setattr(files_upload, "LEAST_PART_BYTES", 100)
    platform.hub.change_settings(min_part_bytes=PART)


class Place:
    """An asset, a local file of six parts and a bit, and a client."""

    def __init__(self, platform, directory):
        self.platform = platform
        self.asset = platform.hub.create_asset("Press", {"press": {"a": {"type": "DOUBLE"}}})
        self.session = platform.session(attempts=1)
        self.files = Files(self.session)
        self.path = directory / "video.bin"
        self.content = random.Random(7).randbytes(6 * PART + 345)
        self.path.write_bytes(self.content)
        self.state = str(directory / "uploads")
        self.progress = []

    def upload(self, **options):
        options.setdefault("name", "videos/video.bin")
        return self.files.upload(
            self.path,
            self.asset,
            part_bytes=PART,
            state_directory=self.state,
            on_progress=lambda done, size: self.progress.append((done, size)),
            **options,
        )

    def cut(self, at):
        """The link breaks when byte *at* is on its way."""

        def told(done, _size):
            if done >= at:
                raise TransportError("cut", kind="closed")

        with pytest.raises(TransportError):
            self.files.upload(
                self.path,
                self.asset,
                name="videos/video.bin",
                part_bytes=PART,
                state_directory=self.state,
                on_progress=told,
            )

    @property
    def stored(self):
        return {file["name"]: file["sha256"] for file in self.platform.hub.files(self.asset)}

    def sent_parts(self, since=0):
        return [call for call in self.session.transport.calls[since:] if "part=" in call]


@pytest.fixture
def place(platform, tmp_path, small_parts):
    return Place(platform, tmp_path)


def sha(data):
    return hashlib.sha256(data).hexdigest()


def test_a_file_goes_in_parts_and_arrives_whole(place):
    """Seven parts; name, path and what is kept beside the bytes are the uploader's."""
    meta = FileMeta(type="video/mp4", description="boot", timestamp="2026-01-05T08:00:00.000Z")
    uploaded = place.upload(meta=meta)
    assert (uploaded.sha256, uploaded.parts_sent, uploaded.parts_kept) == (
        sha(place.content),
        7,
        0,
    )
    assert place.stored == {"videos/video.bin": sha(place.content)}
    (listed,) = place.files.list(place.asset)
    assert listed == uploaded.file
    assert (listed.name, listed.size, listed.type, listed.description, listed.timestamp) == (
        "videos/video.bin",
        len(place.content),
        "video/mp4",
        "boot",
        "2026-01-05T08:00:00.000Z",
    )
    assert place.progress[-1] == (len(place.content), len(place.content))
    assert os.listdir(place.state) == [name for name in os.listdir(place.state) if "lock" in name]


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART])
def test_sizes_at_the_edges_of_parts(place, size):
    """Up to one part it is one request; an empty file arrives, too."""
    place.path.write_bytes(place.content[:size])
    uploaded = place.upload()
    assert place.stored == {"videos/video.bin": sha(place.content[:size])}
    assert uploaded.sha256 == sha(place.content[:size])
    assert len(place.sent_parts()) == (0 if size <= PART else -(-size // PART))


def test_three_cuts_and_no_part_twice(place):
    """What arrived is not sent again; nothing is visible before the end."""
    for at in (2 * PART + 1, 4 * PART + 1, 6 * PART + 1):
        place.cut(at)
        assert place.stored == {}
    uploaded = place.upload()
    assert place.stored == {"videos/video.bin": sha(place.content)}
    assert (uploaded.parts_sent, uploaded.parts_kept) == (1, 6)
    done = [call.partition("part=")[2] for call in place.sent_parts()]
    # Each number once, and once more where the cut was in the middle of it.
    assert sorted(done) == sorted(["1", "2", "3", "3", "4", "5", "5", "6", "7", "7"])


def test_every_lost_answer_is_survived(place):
    """The request arrived and its answer did not: run again, and one whole file is there."""
    for fits_query in ("upload=start", "part=3", "part=7", "upload=complete"):
        place.platform.hub.clear()
        place.__init__(place.platform, place.path.parent)
        place.platform.hub.change_settings(min_part_bytes=PART)
        losing = place.session._transport = LosesOnce(place.session._transport, fits_query)
        with pytest.raises(TransportError):
            place.upload()
        assert losing.done
        place.upload()
        assert place.stored == {"videos/video.bin": sha(place.content)}, fits_query


def test_lost_answers_that_are_repeated_at_once(place):
    """The session repeats a PUT: what the first one did is recognised."""
    for size in (len(place.content), 500):
        for replace in (False, True):
            session = place.platform.session(attempts=3, kind="service")
            place.files = Files(session)
            for fits_query in ("upload=complete", ""):
                content = place.content[:size][::-1] if replace else place.content[:size]
                place.path.write_bytes(content)
                losing = session._transport = LosesOnce(session._transport, fits_query)
                name = f"{size}-{fits_query}.bin"
                uploaded = place.upload(name=name, replace=replace)
                assert losing.done or size == 500
                assert uploaded.sha256 == sha(content) == place.stored[name]
                session._transport = losing.inner


class LosesOnce(Meddler):
    """The answer to the first PUT whose query has a text is lost."""

    def __init__(self, inner, query):
        super().__init__(inner, "PUT x", lose=True)
        self.query = query

    def send(self, request):
        if self.done or request.method != "PUT" or self.query not in request.url:
            return self.inner.send(request)
        self.ending = request.url.partition("?")[0][-1:]
        return super().send(request)


def test_a_file_that_changes_while_it_uploads_is_noticed(place):
    """Longer, shorter, or other bytes of the same size with the time put back: nothing arrives."""
    for change in (_grow, _shrink, _same_size_and_time, _replace):
        place.path.write_bytes(place.content)
        changed = []

        def told(done, _size, change=change, changed=changed):
            if done > 3 * PART and not changed:
                changed.append(1)
                change(place.path)

        with pytest.raises(FileChanged) as caught:
            place.files.upload(
                place.path,
                place.asset,
                part_bytes=PART,
                state_directory=place.state,
                on_progress=told,
            )
        assert "changed while it was uploaded" in str(caught.value)
        assert place.stored == {}
        # Nothing is left to go on from: the platform was told, too.
        assert any("upload=abort" in call for call in place.session.transport.calls)
        assert not [name for name in os.listdir(place.state) if name.endswith("json")]


def _grow(path):
    with open(path, "ab") as file:
        file.write(b"more")


def _shrink(path):
    os.truncate(path, 4 * PART)


def _same_size_and_time(path):
    state = os.stat(path)
    with open(path, "r+b") as file:
        file.write(b"other bytes")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def _replace(path):
    other = path.with_suffix(".new")
    other.write_bytes(path.read_bytes())
    os.replace(other, path)


def test_a_file_that_changed_between_two_runs_begins_anew(place):
    """Parts of two states are never joined."""
    place.cut(3 * PART + 1)
    place.path.write_bytes(place.content[::-1])
    uploaded = place.upload()
    assert place.stored == {"videos/video.bin": sha(place.content[::-1])}
    assert uploaded.parts_kept == 0


def test_a_clock_that_steps_back_costs_no_part(place):
    """The platform's time is known to the second: a moment later it may seem to be earlier."""
    place.platform.hub.set_clock(2)
    place.cut(3 * PART + 1)
    place.platform.hub.set_clock(0)
    uploaded = place.upload()
    assert (uploaded.parts_kept, uploaded.parts_sent) == (3, 4)
    assert place.stored == {"videos/video.bin": sha(place.content)}


@pytest.mark.parametrize("days", [0, 3])
def test_an_upload_that_the_platform_forgot_begins_anew(place, days):
    """It forgets after two days, or was told to: parts that are gone are not counted on."""
    place.cut(3 * PART + 1)
    if days:
        place.platform.hub.set_clock(days * 86_400)
    else:
        place.session.call(
            "PUT",
            f"/api/iotfile/v3/files/{place.asset}/videos/video.bin",
            query={"upload": "abort"},
        )
    uploaded = place.upload()
    assert (uploaded.parts_kept, uploaded.parts_sent) == (0, 7)
    assert place.stored == {"videos/video.bin": sha(place.content)}


def test_a_forgotten_upload_in_the_middle_begins_anew(place):
    """404 to a part: everything is sent again in the same run."""
    aborted = []

    def told(done, _size):
        if done > 3 * PART and not aborted:
            aborted.append(
                place.platform.session(kind="service").call(
                    "PUT",
                    f"/api/iotfile/v3/files/{place.asset}/video.bin",
                    query={"upload": "abort"},
                    expect=(200, 204),
                )
            )

    uploaded = place.files.upload(
        place.path,
        place.asset,
        part_bytes=PART,
        state_directory=place.state,
        on_progress=told,
    )
    assert aborted
    assert place.stored == {"video.bin": sha(place.content)}
    assert uploaded.sha256 == sha(place.content)


def test_states_that_cannot_be_read_only_cost_the_resumption(place):
    """Half a file, another version, nonsense: the upload begins anew and ends well."""
    for ruin in (b"", b"{", b"[]", b'{"version": 9}', b"\xff" * 10):
        place.cut(3 * PART + 1)
        (name,) = [name for name in os.listdir(place.state) if name.endswith("json")]
        with open(os.path.join(place.state, name), "wb") as file:
            file.write(ruin)
        assert place.upload().parts_kept == 0
        place.files.delete(place.asset, "videos/video.bin")


def test_an_existing_file_is_replaced_only_on_purpose(place):
    """Refused before a byte is sent; with replace the etag decides."""
    place.upload()
    before = len(place.session.transport.requests)
    with pytest.raises(ConfigurationError, match=r"has a file videos/video\.bin already"):
        place.upload()
    assert {one.method for one in place.session.transport.requests[before:]} == {"GET"}
    place.path.write_bytes(place.content[::-1])
    assert place.upload(replace=True).file.etag == 1
    assert place.stored == {"videos/video.bin": sha(place.content[::-1])}


@pytest.mark.parametrize("stale", [409, 412])
@pytest.mark.parametrize("size", [500, 6 * PART])
def test_a_file_that_somebody_else_stored_meanwhile_is_not_overwritten(place, stale, size):
    """Both statuses, plain and in parts: theirs stays, and it is told."""
    place.platform.hub.change_settings(stale_file_status=stale)
    place.path.write_bytes(place.content[:size])
    other = place.platform.session(kind="service")
    ending = "/video.bin"
    query = "upload=complete" if size > PART else "video.bin"

    class Before(Meddler):
        def send(self, request):
            if query not in request.url:
                return self.inner.send(request)
            return super().send(request)

    place.session._transport = Before(
        place.session._transport,
        f"PUT {ending}",
        before=lambda: other.call(
            "PUT", f"/api/iotfile/v3/files/{place.asset}/videos/video.bin", body=b"theirs"
        ),
    )
    with pytest.raises(RemoteError) as caught:
        place.upload()
    assert caught.value.status == stale
    assert place.stored == {"videos/video.bin": sha(b"theirs")}


def test_two_runs_for_one_target_do_not_mix(place):
    """The second is told who the first is."""
    met = []

    def told(_done, _size):
        if not met:
            with pytest.raises(ConfigurationError, match="being uploaded there already, by pid"):
                place.upload()
            met.append(1)

    place.files.upload(
        place.path,
        place.asset,
        name="videos/video.bin",
        part_bytes=PART,
        state_directory=place.state,
        on_progress=told,
    )
    assert met


def test_a_run_that_ended_after_its_last_request_is_recognised(place):
    """Killed between the platform's last answer and its own note."""
    session = place.session
    meddler = meddle(session, "PUT /videos/video.bin")
    meddler.done = True
    losing = session._transport = LosesOnce(session._transport, "upload=complete")
    with pytest.raises(TransportError):
        place.upload()
    assert losing.done
    uploaded = place.upload()
    assert (uploaded.parts_sent, uploaded.parts_kept) == (0, 7)
    assert uploaded.sha256 == sha(place.content) == place.stored["videos/video.bin"]


def test_bad_input_never_leaves(place, tmp_path):
    """Names, metadata, sources and sizes of parts."""
    before = len(place.session.transport.requests)
    for name in ("", "/x", "x/", "a//b", "a/../b", ".", "x" * 1025, "a\nb", "a\x7f", "\ud800"):
        with pytest.raises(InvalidMessage):
            place.upload(name=name)
    for meta in (FileMeta(type="x" * 1025), FileMeta(description="naïve"), FileMeta(type="a\nb")):
        with pytest.raises(InvalidMessage, match="printable ASCII"):
            place.upload(meta=meta)
    assert check_name("x" * 1024)
    assert check_name(
        "no\xa0break/left\u202eright"
    )  # as devices name them: to be fetched, deleted
    for wrong in (tmp_path, tmp_path / "none", "/dev/null"):
        with pytest.raises(InvalidMessage):
            place.files.upload(wrong, place.asset, name="x", state_directory=place.state)
    with pytest.raises(ConfigurationError, match="too small"):
        place.files.upload(place.path, place.asset, part_bytes=99, state_directory=place.state)
    calls = [r for r in place.session.transport.requests[before:] if r.method != "GET"]
    assert [request for request in calls if "oauth" not in request.url] == []


def test_a_disk_that_takes_no_state_is_told_and_costs_no_part_twice(place, monkeypatch):
    """Full in mid-upload: what to do is said; the parts that were noted stay where they are."""
    saves = []
    write = FileSystem.write_atomic

    def full(self, path, data):
        saves.append(path)
        if len(saves) == 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, path, data)

    monkeypatch.setattr(FileSystem, "write_atomic", full)
    with pytest.raises(ConfigurationError, match="No space left") as caught:
        place.upload()
    assert place.state in caught.value.message
    assert "it goes on where it was" in caught.value.hint
    uploaded = place.upload()
    assert (uploaded.parts_sent, uploaded.parts_kept) == (5, 2)
    assert uploaded.sha256 == sha(place.content) == place.stored["videos/video.bin"]


def test_a_file_that_is_gone_is_named(place):
    """Deleted between the look at it and its reading; a small one and a large one."""
    source = Source(place.path)
    place.path.unlink()
    for read in (source.snapshot, lambda: source.digests(PART)):
        with pytest.raises(InvalidMessage, match=r"cannot read .*video\.bin: No such file"):
            read()


def test_parts_grow_so_that_a_thousand_hold_the_file():
    """Any size fits; the smallest part is the platform's harshest 5 MB."""
    assert files_upload.part_size(10) == 8 * 1_048_576
    assert files_upload.part_size(8 * 1_048_576 * 1000) == 8 * 1_048_576
    assert files_upload.part_size(8 * 1_048_576 * 1000 + 1) == 8 * 1_048_576 + 1
    assert files_upload.part_size(10, 5_242_880) == 5_242_880
    with pytest.raises(ConfigurationError):
        files_upload.part_size(10, 5_242_879)


def test_an_unknown_asset_is_told(place):
    """Before a byte of the file is sent."""
    with pytest.raises(RemoteError, match="404"):
        place.files.upload(place.path, "0" * 32, state_directory=place.state)
    assert place.sent_parts() == []


# -- list, download, delete


def test_more_files_than_a_page(place):
    """Each once, sorted by name; one is found by its whole name alone."""
    for number in range(502):
        place.session.call(
            "PUT", f"/api/iotfile/v3/files/{place.asset}/logs/{number:03d}.txt", body=b"x"
        )
    names = [one.name for one in place.files.list(place.asset)]
    assert names == [f"logs/{number:03d}.txt" for number in range(502)]
    assert place.files.find(place.asset, "logs/500.txt").name == "logs/500.txt"
    assert place.files.find(place.asset, "500.txt") is None
    assert place.files.find(place.asset, "logs/50*.txt") is None
    assert place.files.find(place.asset, 'logs/it\'s and "x".txt') is None


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 5432])
def test_downloads_come_in_ranges(place, tmp_path, monkeypatch, size):
    """Whatever the size; nothing is left beside the file."""
    monkeypatch.setattr(files_download, "RANGE_BYTES", 1000)
    place.path.write_bytes(place.content[:size])
    place.upload()
    to = tmp_path / "here.bin"
    done = place.files.download(place.asset, "videos/video.bin", to)
    assert (done.size, done.sha256) == (size, sha(place.content[:size]))
    assert to.read_bytes() == place.content[:size]
    assert sorted(path.name for path in tmp_path.glob("here*")) == ["here.bin"]
    with pytest.raises(ConfigurationError, match="is there already"):
        place.files.download(place.asset, "videos/video.bin", to)
    place.files.download(place.asset, "videos/video.bin", to, replace=True)


def test_a_download_goes_on_after_a_cut_and_begins_anew_for_another_version(
    place, tmp_path, monkeypatch
):
    """What is there is not fetched again, and two versions are never joined."""
    monkeypatch.setattr(files_download, "RANGE_BYTES", 1000)
    place.upload()
    to = tmp_path / "here.bin"

    def cut(at):
        def told(done, _size):
            if done >= at:
                raise TransportError("cut", kind="closed")

        with pytest.raises(TransportError):
            place.files.download(place.asset, "videos/video.bin", to, on_progress=told)

    cut(5000)
    cut(9000)
    before = len(place.session.transport.requests)
    done = place.files.download(place.asset, "videos/video.bin", to)
    assert (done.resumed_at, done.sha256) == (9000, sha(place.content))
    assert len(place.session.transport.requests) - before == 52
    to.unlink()
    cut(5000)
    place.path.write_bytes(place.content[::-1])
    place.upload(replace=True)
    done = place.files.download(place.asset, "videos/video.bin", to)
    assert (done.resumed_at, done.sha256) == (0, sha(place.content[::-1]))


def test_a_server_without_ranges_is_read_whole(place, tmp_path, monkeypatch):
    """200 instead of 206: all of it at once, as far as it can be taken."""
    from mcagent.emulator.api import files as api

    monkeypatch.setattr(api, "read_range", lambda _header, _size: None)
    place.upload()
    done = place.files.download(place.asset, "videos/video.bin", tmp_path / "here.bin")
    assert done.sha256 == sha(place.content)
    monkeypatch.setattr("mcagent.transport.cpython.answers.MAX_ANSWER_BYTES", 5000)
    with pytest.raises(RemoteError, match="gives no ranges"):
        place.files.download(place.asset, "videos/video.bin", tmp_path / "there.bin")
    assert not (tmp_path / "there.bin").exists()


def test_what_is_not_there_is_told_and_deleted_twice(place, tmp_path):
    """404 for reading; for deleting it is as good."""
    with pytest.raises(RemoteError, match="404"):
        place.files.download(place.asset, "videos/video.bin", tmp_path / "x")
    assert not (tmp_path / "x").exists()
    place.upload()
    place.files.delete(place.asset, "videos/video.bin")
    place.files.delete(place.asset, "videos/video.bin")
    assert list(place.files.list(place.asset)) == []


def test_a_refused_download_leaves_nothing_behind(place, tmp_path):
    """No empty file beside the one that never came."""
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(RemoteError):
        place.files.download(place.asset, "nothing.bin", tmp_path / "nothing.bin")
    assert sorted(os.listdir(tmp_path)) == before


def test_no_file_shows_a_token(place):
    """Neither the state of an upload nor the note of a download."""
    place.cut(3 * PART + 1)
    (name,) = [name for name in os.listdir(place.state) if name.endswith("json")]
    path = os.path.join(place.state, name)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert set(json.loads(text)) == {
        "version",
        "identity",
        "part_bytes",
        "parts",
        "condition",
        "started_ms",
    }
    assert all(secret not in text for secret in place.session.secrets())
