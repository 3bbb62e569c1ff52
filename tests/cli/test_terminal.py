"""Questions and progress bars over a real pseudo-terminal: what a person sees and types."""

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time

import pytest

from tests.cli.running import ROOT

ESCAPES = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command whose standard streams are a terminal."""

    def __init__(self, *arguments, script=None):
        self._own, theirs = pty.openpty()
        words = ["-c", script] if script else ["-m", "mcagent", *map(str, arguments)]
        self._process = subprocess.Popen(
            [sys.executable, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
            start_new_session=True,
            # Its controlling terminal: Ctrl-C reaches it.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(theirs)
        # Ctrl-C throws away what was not read yet: it may be gone after `poll` has told of it.
        os.set_blocking(self._own, False)
        self._news = select.poll()
        self._news.register(self._own)
        self.raw = b""

    def read(self, until=None, patience_s=120):
        """Everything up to the words *until*, or to the end."""
        give_up = time.monotonic() + patience_s
        while until is None or until.encode() not in self.raw:
            assert time.monotonic() < give_up, self.raw
            if not self._news.poll(1000):
                continue
            try:
                piece = os.read(self._own, 65536)
            except BlockingIOError:
                continue
            except OSError:  # the other end is closed
                piece = b""
            if not piece:
                assert until is None, self.raw
                break
            self.raw += piece
        return ESCAPES.sub(b"", self.raw).decode().replace("\r\n", "\n")

    def type(self, text):
        os.write(self._own, text.encode())

    def end(self):
        """The exit code, once everything was read."""
        text = self.read()
        return self._process.wait(60), text

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._own)


@pytest.fixture
def terminal():
    opened = []

    def start(*arguments, **options):
        opened.append(Terminal(*arguments, **options))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize(
    ("typed", "code", "left"),
    [
        ("y\n", 0, 0),
        ("yes\n", 0, 0),
        ("n\n", 1, 1),
        ("\n", 1, 1),
        ("\x04", 1, 1),
        ("\x03", 130, 1),
    ],
)
def test_a_question_waits_for_the_answer_of_a_person(tenant, terminal, typed, code, left):
    """Enter, the end of input and Ctrl-C are no consent."""
    made = tenant.json("assets", "create", "Shed", "--type", "core.basicarea")
    asking = terminal("assets", "delete", made["id"], "--ca", tenant.hub.ca_file)
    asking.read(until="[y/N] ")
    found = tenant.json("assets", "ls", "--name", "Shed")["assets"]
    assert len(found) == 1, "nothing is deleted before the answer"
    asking.type(typed)
    ended, text = asking.end()
    assert ended == code, text
    assert "Traceback" not in text
    assert len(tenant.json("assets", "ls", "--name", "Shed")["assets"]) == left


@pytest.mark.slow
def test_a_bar_moves_while_a_file_goes_up_and_nothing_of_it_stays(tenant, terminal, tmp_path):
    """With the rate and the time that is left; the result alone remains on the screen."""
    path = tmp_path / "video.bin"
    path.write_bytes(os.urandom(1 << 20) * 24)
    tenant.hub.set_faults([{"match": "PUT /api/iotfile/*", "action": "delay", "seconds": 1.2}])
    try:
        going = terminal("files", "put", path, "root", "--ca", tenant.hub.ca_file)
        code, text = going.end()
    finally:
        tenant.hub.set_faults([])
    assert code == 0, text
    shares = [int(share) for share in re.findall(r"(\d+) %", text)]
    assert len(set(shares)) >= 2, text
    assert shares == sorted(shares)
    assert re.search(r"\d s left|/s", text), text
    assert b"\x1b[" in going.raw, "it was drawn again, not line after line"


def test_without_rich_the_progress_is_lines(terminal):
    """Where the extra is not installed: the same words, no control characters."""
    script = (
        "import sys; sys.modules['rich'] = None\n"
        "from mcagent.cli.display import open_display\n"
        "with open_display() as display:\n"
        "    display.progress(0.5, 'half'); display.progress(1.0, 'done')\n"
    )
    code, text = terminal(script=script).end()
    assert code == 0, text
    assert " 50%  half" in text
    assert "100%  done" in text
    assert "\x1b" not in text


def test_json_stays_alone_on_standard_output_of_a_terminal(tenant, terminal):
    """A table for people, one object for programs: the terminal makes no difference."""
    code, text = terminal("assets", "ls", "--json", "--ca", tenant.hub.ca_file).end()
    assert code == 0, text
    assert json.loads(text)["assets"]
