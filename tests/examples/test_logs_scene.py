"""examples/log_shipper.py with Debian's logrotate. `tox -e examples`."""

import gzip
import hashlib
import importlib.util
import os
import threading

import pytest

from tests.examples import logs
from tests.examples.scene import EXAMPLES, Scene, example_settings, wait_for


@pytest.mark.slow
def test_what_was_rotated_arrives_once_whoever_is_killed(tmp_path, figure, tool_missing):
    """An outage of the link, eight kills of the shipper, the machine restarted and killed."""
    if logs.logrotate() is None:
        tool_missing("logrotate is not installed")
    for comparison in logs.run(tmp_path):
        figure("log_shipper", comparison)
        assert comparison.equal, str(comparison)
        assert len(comparison.said) > 300


PACKED = gzip.compress(b"packed\n")


def put(scene, name, content, *, at_s=1_767_600_000):
    """A rotated log that was written to its end a while ago."""
    folder = os.path.join(scene.folder, "log")
    os.makedirs(folder, exist_ok=True)
    path, whole = os.path.join(folder, name), os.path.join(scene.folder, "whole")
    with open(whole, "wb") as file:
        file.write(content)
    os.utime(whole, (at_s, at_s))
    os.replace(whole, path)  # a shipper that looks meanwhile sees all of it, or nothing
    return path


def shipper_of(scene, **changes):
    return scene.collector(**{"settled_s": 0.2, "every_s": 0.05, **changes}).start()


def name_of(content, suffix=""):
    return f"press.log.{hashlib.sha256(content).hexdigest()[:16]}{suffix}"


def files(scene):
    scene.hub.settle()
    return {row["name"]: scene.hub.file_content(row["sha256"]) for row in scene.hub.files()}


def ended(shipper):
    assert shipper.stop() == 0
    assert "Traceback" not in shipper.output()
    return shipper.output()


def test_a_log_has_its_content_s_name_its_time_and_its_bytes(tmp_path):
    """Found packed, it is sent packed; as it was written last, it is dated."""
    with Scene(tmp_path, "log_shipper") as scene:
        put(scene, "press.log.1", b"plain\n")
        put(scene, "press.log-20260105.gz", PACKED)
        put(scene, "press.log", b"still written\n")
        put(scene, "other.txt", b"of no concern\n")
        shipper = shipper_of(scene)
        wait_for(lambda: len(scene.hub.files()) == 2, shipper.output)
        assert files(scene) == {
            name_of(b"plain\n"): b"plain\n",
            name_of(b"packed\n", ".gz"): PACKED,
        }
        (row,) = [row for row in scene.hub.files() if row["name"] == name_of(b"plain\n")]
        assert (row["created"], row["type"]) == ("2026-01-05T08:00:00.000Z", "text/plain")
        assert "files sent: 2; troubles: none" in ended(shipper)


def test_one_content_is_one_file_under_all_its_names(tmp_path):
    """Renamed, packed, copied, and after a restart; an empty log is none."""
    with Scene(tmp_path, "log_shipper") as scene:
        first = put(scene, "press.log.1", b"one\n")
        shipper = shipper_of(scene)
        wait_for(scene.hub.files, shipper.output)
        os.unlink(first)
        put(scene, "press.log.2.gz", gzip.compress(b"one\n"))
        put(scene, "press.log.3", b"one\n")
        put(scene, "press.log.4", b"")
        put(scene, "press.log.5.gz", gzip.compress(b""))
        put(scene, "press.log.6", b"two\n")
        wait_for(lambda: len(scene.hub.files()) == 2, shipper.output)
        ended(shipper)
        shipper.start()
        put(scene, "press.log.7", b"three\n")
        wait_for(lambda: len(scene.hub.files()) == 3, shipper.output)
        assert "files sent: 1; troubles: none" in ended(shipper)
        assert len(list(scene.hub.received(kind="file"))) == 3


BAD = {
    "press.log.2.gz": (gzip.compress(b"cut off\n")[:-9], "cannot be read: Compressed file ended"),
    "press.log.3.gz": (b"not packed\n", "cannot be read: Not a gzipped file"),
    "press.log.4.xz": (b"not packed\n", "cannot be read: Input format not supported"),
    "press.log.5": (os.urandom(3 * 2**20), "left out; raise quota_mib, or rotate by size"),
    "press.log.\udcff": (b"a name of no encoding\n", "name"),
}


def test_what_cannot_be_sent_is_told_in_one_line_and_the_rest_goes_on(tmp_path):
    """Named with the way out, and counted; links and pipes are nobody's logs."""
    with Scene(tmp_path, "log_shipper") as scene:
        for name, (content, _told) in BAD.items():
            put(scene, name, content)
        secret = put(scene, "secret", b"of somebody else\n")
        os.symlink(secret, os.path.join(scene.folder, "log", "press.log.6"))
        os.mkfifo(os.path.join(scene.folder, "log", "press.log.7"))
        os.mkdir(os.path.join(scene.folder, "log", "press.log.8"))
        put(scene, "press.log.9", b"good\n")
        shipper = shipper_of(scene, quota_mib=1)
        wait_for(scene.hub.files, shipper.output)
        wait_for(lambda: shipper.output().count("WARNING") >= len(BAD), shipper.output)
        output = ended(shipper)
        assert list(files(scene).values()) == [b"good\n"]
        for name, (_content, told) in BAD.items():
            shown = name.encode(errors="backslashreplace").decode()
            lines = [line for line in output.splitlines() if f"{shown}: " in line]
            assert len(lines) == 1, output
            assert told in lines[0]
        assert "press.log.2.gz 1, press.log.3.gz 1, press.log.4.xz 1, press.log.5 1" in output


def test_a_folder_that_vanishes_is_told_and_waited_for(tmp_path):
    """A disk that is unmounted: nothing is forgotten meanwhile."""
    with Scene(tmp_path, "log_shipper") as scene:
        put(scene, "press.log.1", b"one\n")
        shipper = shipper_of(scene)
        wait_for(scene.hub.files, shipper.output)
        folder = os.path.join(scene.folder, "log")
        os.rename(folder, folder + ".away")
        wait_for(lambda: "is it mounted" in shipper.output(), shipper.output)
        os.rename(folder + ".away", folder)
        put(scene, "press.log.2", b"two\n")
        wait_for(lambda: len(scene.hub.files()) == 2, shipper.output)
        output = ended(shipper)
        assert f"{folder}: no folder" in output
        assert "files sent: 2" in output


@pytest.mark.slow
def test_a_file_that_still_grows_is_waited_for_and_sent_whole(tmp_path):
    """Its program did not reopen its log: told; when it is silent, one file has all of it."""
    with Scene(tmp_path, "log_shipper") as scene:
        path = put(scene, "press.log.1", b"")
        end = threading.Event()

        def write():
            while not end.wait(0.02):
                with open(path, "ab") as file:
                    file.write(b"one more line\n")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            # A writer that a busy machine keeps waiting for so long has ended, for all one can see.
            shipper = shipper_of(scene, settled_s=1.0)
            told = "press.log.1: still grows; does its program reopen its log"
            wait_for(lambda: told in shipper.output(), shipper.output)
            assert scene.hub.files() == []
        finally:
            end.set()
            writer.join()
        wait_for(scene.hub.files, shipper.output)
        with open(path, "ab") as file:
            file.write(b"and one too late\n")
        wait_for(lambda: len(scene.hub.files()) == 2, shipper.output)
        assert "press.log.1, sent before: has grown" in ended(shipper)
        with open(path, "rb") as file:
            whole = file.read()
        assert files(scene)[name_of(whole)] == whole


def test_a_full_buffer_leaves_the_files_where_they_are(tmp_path):
    """The platform is away for longer than the quota lasts; then all of it arrives."""
    with Scene(tmp_path, "log_shipper") as scene:
        contents = [os.urandom(300_000) for _ in range(6)]
        put(scene, "press.log.99", b"that it is onboarded\n")
        shipper = shipper_of(scene, quota_mib=1)
        wait_for(scene.hub.files, shipper.output)
        scene.hub.disconnect()
        for number, content in enumerate(contents):
            put(scene, f"press.log.{number}", content)
        wait_for(lambda: "BufferFull" in shipper.output() or "quota" in shipper.output(), "")
        assert shipper.output().count(logs.TAKEN) < 6
        scene.hub.reconnect()
        wait_for(lambda: len(scene.hub.files()) == 7, shipper.output)
        assert set(contents) < set(files(scene).values())
        ended(shipper)


def loaded(tmp_path, **changes):
    """The example as a module, and a shipper of it that the test drives itself."""
    spec = importlib.util.spec_from_file_location(
        "log_shipper", os.path.join(EXAMPLES, "log_shipper.py")
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = example_settings(str(tmp_path), "log_shipper", boarding="", settled_s=1e-9, **changes)
    file = module.CollectorFile(path, "logs", module.LOGS)
    agent = file.open_agent(policy="reject")
    return module.Shipper(file, agent), agent


def pieces(content):
    """*content* is read in so many pieces, at least."""
    return len(content) // (256 * 1024)


@pytest.mark.parametrize("event", ["renamed", "packed", "grown", "cut off", "replaced"])
def test_a_rotation_in_the_middle_of_reading(tmp_path, event):
    """At each piece of a large file: what was sent is one content, whole, and sent once."""
    content = os.urandom(2**20)
    folder = tmp_path / "log"
    folder.mkdir()
    path = folder / "press.log.1"
    for moment in range(1, pieces(content) + 1):
        path.write_bytes(content)
        os.makedirs(tmp_path / str(moment))
        shipper, agent = loaded(tmp_path, state=str(tmp_path / str(moment)))
        with agent:
            list(shipper.look())
            work = shipper.look()
            for _ in range(moment):
                next(work)
            if event == "packed":
                (folder / "press.log.2.gz").write_bytes(gzip.compress(content))
                path.unlink()
            elif event == "grown":
                with path.open("ab") as file:
                    file.write(b"more")
            elif event == "cut off":
                os.truncate(path, 1000)
            else:
                path.rename(folder / "press.log.2")
                if event == "replaced":
                    path.write_bytes(b"the next\n")
            list(work)
            shipper.full_until_s = 0
            for _ in range(3):
                for seen in shipper.seen.values():
                    seen.due_s = 0
                list(shipper.look())
            found = sorted(sha256s(agent))
            present = [gunzip(one) for one in folder.iterdir()]
            assert found == sorted({hashlib.sha256(one).hexdigest() for one in present}), event
            assert agent.status().lanes["files"]["records"] == len(present)
        for one in folder.iterdir():
            one.unlink()


def test_a_file_that_this_user_may_not_read_is_told_and_tried_again(tmp_path_for_all, caplog):
    """Once somebody has given the right, it goes."""
    folder = tmp_path_for_all / "log"
    folder.mkdir()
    (folder / "press.log.1").write_bytes(b"private\n")
    (folder / "press.log.1").chmod(0)
    shipper, agent = loaded(tmp_path_for_all)
    with agent:
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            for _ in range(3):
                list(shipper.look())
        finally:
            if root:
                os.seteuid(0)
        assert "press.log.1: cannot be read: [Errno 13] Permission denied" in caplog.text
        assert shipper.troubles.counts == {"press.log.1": 3}
        (folder / "press.log.1").chmod(0o600)
        for _ in range(2):
            list(shipper.look())
        assert sha256s(agent) == [hashlib.sha256(b"private\n").hexdigest()]


def gunzip(path):
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def sha256s(agent):
    """Of the files in the buffer, as they are."""
    from mcagent.inspection.export import Export
    from mcagent.inspection.survey import Survey

    entries = Export(Survey(agent.directory), lambda _size: None).entries(["files"])
    return [entry.file["sha256"] for entry in entries]
