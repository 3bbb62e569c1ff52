# portable
"""mcagent/messages/file.py: what is known of a file before its content is copied."""

import io

from mcagent.errors import InvalidMessage
from mcagent.messages.file import File
from mcagent.messages.kinds import FILE
from mcagent.messages.multipart import max_file_bytes
from mcagent.messages.timestamp import parse_text
from mcagent.runtime import MICROPYTHON
from tests.helpers import TemporaryDirectory, raises
from tests.messages.golden import golden

WHEN_MS = parse_text("2026-01-05T08:00:00.000Z")


def test_golden_metadata():
    """The specification's example."""
    file = File(b"x", name="log-0105.txt", type="text/plain", created=WHEN_MS)
    assert b"\r\n" + file.metadata(0) + b"\r\n" in golden("mixed.body")
    assert b"fileType" not in File(b"x", name="a").metadata(0)


def test_a_path_gives_name_and_size():
    """Nothing is read yet."""
    with TemporaryDirectory() as directory:
        with open(directory + "/report.pdf", "wb") as file:
            file.write(b"x" * 1234)
        message = File(directory + "/report.pdf", move=True)
        assert (message.name, message.size, message.move) == ("report.pdf", 1234, True)
        assert message.source == directory + "/report.pdf"
        assert message.created_ms is None
        assert message.details(7) == {"name": "report.pdf", "type": "", "created_ms": 7}
        assert File(directory + "/report.pdf", name="other").name == "other"
        assert "directory" in raises(InvalidMessage, File, directory).message
        error = raises(InvalidMessage, File, directory + "/missing.pdf")
        assert "missing.pdf" in error.message
        assert "No such file" in error.message or "ENOENT" in error.message
        assert error.hint
        error = raises(InvalidMessage, File, "/dev/null")
        assert "regular file" in error.message
        assert error.hint


def test_bytes_and_open_files():
    """Bytes need a name; an open file has one, mostly."""
    message = File(b"abc", name="a.bin")
    assert message.size == 3
    assert message.source.read() == b"abc"
    assert not message.move
    assert File(io.BytesIO(b"abc"), name="a").size is None
    assert "name" in raises(InvalidMessage, File, b"abc").message
    assert "name" in raises(InvalidMessage, File, io.BytesIO(b"abc")).message
    assert "'rb'" in raises(InvalidMessage, File, io.StringIO("abc"), name="a").hint
    assert "path to move" in raises(InvalidMessage, File, b"abc", name="a", move=True).message
    for source in (None, 7, ["a"]):
        raises(InvalidMessage, File, source, name="a")


def test_names_are_names():
    """No folders, no control characters, not empty."""
    for name in ("", "a/b", "/", "a\nb", "a\x00", "a\x7f", 7, chr(0xD800)):
        error = raises(InvalidMessage, File, b"x", name=name)
        assert "file name" in error.message
    for name in ("Größe.csv", ".hidden", "a b", 'say "x".txt', ".."):
        assert File(b"x", name=name).name == name
    raises(InvalidMessage, File, b"x", name="a", type=7)
    raises(InvalidMessage, File, b"x", name="a", created=1.5)


def test_what_fits_into_an_exchange_depends_on_the_envelope():
    """10 000 000 - 24 - 247 - metadata - 24 bytes (agent API, 6.4.3)."""
    message = File(b"", name="log-0105.txt", type="text/plain", created=WHEN_MS)
    assert message.exchange_bytes == 10_000_000 - 24 - 247 - 24 - len(message.metadata(0))
    assert message.exchange_bytes == max_file_bytes("log-0105.txt", "text/plain", WHEN_MS)
    longer = File(b"", name="log-0105-.txt", type="text/plain")
    assert longer.exchange_bytes == message.exchange_bytes - 1


def test_the_largest_file_that_can_be_sent_at_all():
    """By the file service, 1000 parts; where that cannot take it, by an exchange. Both sides."""
    largest = [File(b"", name="..", type="text/plain"), File(b"", name="a.txt", type="größe")]
    largest += [File(b"", name="a" * 1025), File(b"", name="a", type="t" * 1025)]
    for message in largest:
        assert message.max_bytes == message.exchange_bytes
        check_both_sides(message)
    message = File(b"", name="a" * 1024, type="~" + " " * 1023)
    assert (message.max_bytes == message.exchange_bytes) is MICROPYTHON
    if not MICROPYTHON:
        assert message.max_bytes == 1000 * 52_428_800
    check_both_sides(message)


def check_both_sides(message):
    message.size = message.max_bytes
    message.require_fit()
    message.size += 1
    error = raises(InvalidMessage, message.require_fit)
    assert str(message.max_bytes) in error.message
    assert str(message.size) in error.message
    assert "IoT File" in error.message or MICROPYTHON
    message.size = None
    message.require_fit()


def test_equality_and_the_like():
    """The same source under the same name."""
    source = io.BytesIO(b"x")
    assert File(source, name="a") == File(source, name="a")
    assert File(source, name="a") != File(source, name="b")
    assert File(source, name="a") != File(source, name="a", created=0)
    assert File(source, name="a") != File(io.BytesIO(b"y"), name="a")
    assert File(source, name="a") != 7
    assert hash(File(source, name="a")) == hash(File(source, name="a"))
    assert repr(File(source, name="a")) == "<File 'a'>"
    assert (File.lane, File.kind) == ("files", FILE)
