"""The log shipper with logrotate: each line that was rotated is what the hub has, and has once."""

import collections
import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from tests.examples.scene import Comparison, Scene, wait_for

WRITER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "log_writer.py")
# One log is renamed and compressed a rotation later, the other copied, cut off and compressed.
RENAMED = """
{folder}/press.log {{
    rotate 500
    compress
    delaycompress
    postrotate
        kill -HUP $(cat {folder}/writer.pid) || true
    endscript
}}
"""
TAKEN = " is in the buffer"
COPIED = """
{folder}/gauge.log {{
    rotate 500
    copytruncate
    compress
}}
"""


def logrotate():
    """Its path; Debian keeps it from the PATH of users."""
    return shutil.which("logrotate", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


class Machine:
    """The writer as a program, and the rotation of its logs."""

    def __init__(self, scene):
        self.folder = os.path.join(scene.folder, "log")
        os.makedirs(self.folder, mode=0o755, exist_ok=True)
        self.program = scene.program("writer", sys.executable, WRITER, self.folder)
        for name, text in (("renamed", RENAMED), ("copied", COPIED)):
            with open(self._path(name), "w", encoding="utf-8") as file:
                file.write(text.format(folder=self.folder))

    def start(self):
        before = self.said()
        self.program.start()
        wait_for(lambda: len(self.said()) > len(before), self.program.output)

    def said(self):
        path = self._path("said.txt")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [int(line) for line in file.read().split("\n")[:-1]]

    def rotate(self):
        self._logrotate("renamed")
        # logrotate loses what is written between its copy and its cut: so nothing is.
        running = not self.program.ended()
        if running:
            self.program.signal(signal.SIGSTOP)
        self._logrotate("copied")
        if running:
            self.program.signal(signal.SIGCONT)

    def rotated(self):
        """Lines of each log, in no order."""
        lines = collections.defaultdict(list)
        for name in os.listdir(self.folder):
            if re.fullmatch(r"(press|gauge)\.log\..*", name):
                with open(self._path(name), "rb") as file:
                    lines[name.partition(".")[0]] += numbers(name, file.read())
        return lines

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _logrotate(self, name):
        command = [logrotate(), "-f", "-s", self._path(name + ".state"), self._path(name)]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert run.returncode == 0, run.stderr


def numbers(name, content):
    """Numbers of the lines of a log as it lies there, or as it was sent."""
    content = gzip.decompress(content) if name.endswith(".gz") else content
    return [int(line.split()[0]) for line in content.splitlines()]


def arrived(scene):
    """Log to the numbers of all lines at the hub; the name of each file has its content's hash."""
    scene.hub.settle()
    lines = {"press": [], "gauge": []}
    for row in scene.hub.files():
        content = scene.hub.file_content(row["sha256"])
        log, mark = re.fullmatch(
            r"(press|gauge)\.log\.([0-9a-f]{16})(?:\.gz)?", row["name"]
        ).groups()
        unpacked = gzip.decompress(content) if row["name"].endswith(".gz") else content
        assert hashlib.sha256(unpacked).hexdigest().startswith(mark)
        lines[log] += numbers("", unpacked)
    return lines


def run(folder, say=lambda line: None, *, phase_s=0.4):
    """Write and rotate through an outage, kills of the shipper and of the writer; compare."""
    with Scene(folder, "log_shipper", say) as scene:
        machine = Machine(scene)
        machine.start()
        shipper = scene.collector(settled_s=0.2, every_s=0.05).start()

        def rotate(times):
            for _ in range(times):
                time.sleep(phase_s / 2)
                machine.rotate()

        def kill():
            """While it is at it: as soon as it says that it took one more."""
            before = shipper.output().count(TAKEN)
            rotate(1)  # all that was before may have been taken by now
            wait_for(lambda: shipper.output().count(TAKEN) > before, shipper.output)
            shipper.kill()

        rotate(2)
        wait_for(scene.hub.files, shipper.output)
        say("the link to the hub is cut")
        scene.hub.disconnect()
        rotate(2)
        for _ in range(4):
            say("SIGKILL of the shipper, rotations, and again")
            kill()
            rotate(2)
            shipper.start()
        say("the machine is restarted")
        assert machine.program.stop() == 0
        machine.start()
        say("the link to the hub is back")
        scene.hub.reconnect()
        for _ in range(4):
            rotate(2)
            say("SIGKILL of the shipper while it sends, and at once again")
            kill()
            shipper.start()
        say("SIGKILL of the machine")
        machine.program.kill()
        in_flight = machine.said()[-1:]
        machine.start()
        rotate(2)
        assert machine.program.stop() == 0
        machine.rotate()
        say("the machine is silent, the shipper catches up")
        said = machine.said()

        def compared():
            lines = arrived(scene)
            return [Comparison(name, said, lines[name], in_flight) for name in sorted(lines)]

        try:
            wait_for(lambda: all(one.equal for one in compared()), "")
        except AssertionError:
            say("the comparison fails")
        # Until it has looked at all of them once more, also as logrotate has renamed them.
        status = shipper.stop()
        say(f"SIGTERM: the shipper ended with status {status}")
        assert status == 0, shipper.output()
        assert "Traceback" not in shipper.output(), shipper.output()
        sent = re.findall(r"(\S+)" + TAKEN, shipper.output())
        say(
            f"files at the hub: {len(scene.hub.files())}, rotated: {len(os.listdir(machine.folder))}"
        )
        assert len(sent) == len(set(sent)), sent
        found = machine.rotated()
        comparisons = compared()
        for one in comparisons:
            twice = len(one.stored) - len(set(one.stored))
            assert not twice, f"{one.name}: {twice} lines twice"
            assert set(one.said) - set(found[one.name]) <= set(in_flight), "logrotate lost lines"
        return comparisons
