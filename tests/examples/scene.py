"""A hub, a real peer and a collector as programs, and what a collector's test does to them."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from mcagent.emulator import Emulator

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "examples")
ENVIRONMENT = dict(
    os.environ,
    PYTHONPATH=os.pathsep.join(filter(None, (ROOT, os.environ.get("PYTHONPATH")))),
)


class Program:
    """A program that can be started again; all it prints goes into one file."""

    def __init__(self, folder, name, *command):
        self.log = os.path.join(folder, name + ".log")
        self._command = [str(word) for word in command]
        self._process = None

    def start(self):
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, env=ENVIRONMENT, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        return self

    def kill(self):
        """SIGKILL: it cannot say goodbye."""
        assert self._process.poll() is None, self.output()
        self._process.kill()
        self._process.wait()

    def kill_unless_ended(self):
        """SIGKILL, if it comes in time; whether it did."""
        self._process.kill()
        return self._process.wait() == -signal.SIGKILL

    def signal(self, number):
        self._process.send_signal(number)
        if number == signal.SIGSTOP:  # it is sent, and takes its time
            wait_for(lambda: state_of(self._process.pid) == "T", self.output)

    def stop(self):
        """SIGTERM once it listens for it, and the exit status."""
        # One that has hardly begun would end by the signal, and that says nothing about it.
        wait_for(
            lambda: self.ended() or listens_for(signal.SIGTERM, self._process.pid), self.output
        )
        if not self.ended():
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(180)

    def ended(self):
        return self._process.poll() is not None

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()


class Scene:
    """The folder of one try: hub, boarding file, the example's own TOML with other addresses.

    Attributes:
        say: Called with a line for each thing that happens.
        agent: Its id at the hub.
    """

    def __init__(self, folder, example, say=lambda line: None):
        self.folder = str(folder)
        self.say = say
        self._example = example
        self._programs = []
        self.hub = Emulator(strict=True)  # the harshest readings of the specification

    def __enter__(self):
        self.hub.start()
        boarding = self.hub.create_agent(self._example, automap=True)
        self.agent = boarding["content"]["clientId"]
        with open(os.path.join(self.folder, "agentconfig.json"), "w", encoding="utf-8") as file:
            json.dump(boarding, file)
        self.say(f"hub: {self.hub.url}")
        return self

    def __exit__(self, *exc):
        for program in reversed(self._programs):
            program.close()
        self.hub.stop()

    def program(self, name, *command):
        program = Program(self.folder, name, *command)
        self._programs.append(program)
        return program

    def collector(self, *, more="", **changes):
        """The example as it stands; *changes* of its TOML's members, *more* at its end."""
        script = os.path.join(EXAMPLES, self._example + ".py")
        changes = {"ca": self.hub.ca_file, **changes}
        path = example_settings(self.folder, self._example, more=more, **changes)
        return self.program(self._example, sys.executable, script, path)

    def stored(self, variable, *, bad=False):
        """{time: value} of one variable at the hub; *bad*: those with a quality code, not good ones.

        A time that occurs twice is an error.
        """
        self.hub.settle()  # it answers first and stores a moment later
        values = {}
        for record in self.hub.stored():
            good = record["quality"].get(variable, "0") in ("0", 0, None)
            if variable in record["values"] and good is not bad:
                assert record["_time"] not in values, record
                values[record["_time"]] = record["values"][variable]
        return values


class Wire:
    """A wire to the server on *port* that can be pulled: it then carries nothing, and nobody is told.

    Attributes:
        port: Where it begins.
    """

    def __init__(self, port):
        self._behind = port
        self.pulled = False
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self._listener.getsockname()[1]
        self._ends = []
        self._threads = []
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._listener.shutdown(socket.SHUT_RDWR)
        self.plug()
        for thread in self._threads:
            thread.join()
        for end in [self._listener, *self._ends]:
            end.close()

    def pull(self):
        self.pulled = True

    def plug(self):
        """New connections are carried; the old ones have been given up."""
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.pulled = False

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _address = self._listener.accept()
                self._ends.append(near)
                try:
                    far = socket.create_connection(("127.0.0.1", self._behind))
                except OSError:  # the server is down
                    near.close()
                    continue
                self._ends.append(far)
                self._start(self._carry, near, far)
                self._start(self._carry, far, near)

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.pulled:
                    target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Comparison:
    """What the peer said beside what the hub stored; each value occurs once.

    *in_flight*: what the peer had just said when somebody was killed, and nobody may have heard.
    """

    def __init__(self, name, said, stored, in_flight=()):
        self.name = name
        self.said, self.stored = list(said), list(stored)
        kept, told = set(self.stored), set(self.said)
        missing = [value for value in self.said if value not in kept]
        self.missing = [value for value in missing if value not in in_flight]
        self.lost_in_flight = [value for value in missing if value in in_flight]
        self.unexpected = [value for value in self.stored if value not in told]

    def __str__(self):
        return (
            f"{self.name}: recorded by the peer {len(self.said)}, stored by the hub "
            f"{len(self.stored)}, missing {len(self.missing)}, unexpected {len(self.unexpected)}"
            + (
                f", said while nobody listened {len(self.lost_in_flight)}"
                if self.lost_in_flight
                else ""
            )
        )

    @property
    def equal(self):
        return bool(self.said) and not self.missing and not self.unexpected


def example_settings(folder, example, *, more="", **changes):
    """Write the TOML of *example* into *folder*: *changes* of its members, *more* at its end."""
    with open(os.path.join(EXAMPLES, example + ".toml"), encoding="utf-8") as file:
        text = file.read()
    for name, value in changes.items():
        line = f"{name} = {json.dumps(value)}"
        pattern = re.compile(rf"^(# )?{name} = .*$", re.MULTILINE)
        text, found = pattern.subn(lambda _match, line=line: line, text, count=1)
        assert found, f"{example}.toml has no {name}"
    path = os.path.join(folder, example + ".toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + more)
    return path


def wait_for(condition, what, timeout_s=180):
    """Wait until *condition* is true, and return it; *what* may be a function that explains."""
    give_up = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < give_up, what() if callable(what) else what
        time.sleep(0.01)
    return result


def state_of(pid):
    """The letter of /proc: R runs, S sleeps, T is stopped."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[0]


def listens_for(number, pid):
    """True where the process *pid* has a handler of its own for the signal *number*."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            (caught,) = re.findall(r"^SigCgt:\s*(\w+)", file.read(), re.MULTILINE)
    except FileNotFoundError:
        return False
    return bool(int(caught, 16) >> number - 1 & 1)


def free_port():
    """A port that stays free while its server is down: below those that the system hands out."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def answers(port):
    """True where something listens on *port*."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
