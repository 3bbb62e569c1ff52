"""As much of systemd as a service notices: Type=notify, WatchdogSec, Restart=always.

A stand-in, so that no machine is needed whose process 1 may be played with.
"""

import os
import select
import signal
import socket
import subprocess
import time

from tests.examples.scene import listens_for

_RESTART_S = 0.2
_START_S = 300  # TimeoutStartSec of the unit: the watchdog begins with READY


class Supervisor:
    """Keeps *command* running from `start` to `stop`; `watch` has to be called in between.

    Attributes:
        ready: How often it said that it was ready.
        fed: How often it fed the watchdog.
        starved: How often it was ended because it did not.
        status: Its last line for `systemctl status`.
        process: The present one.
        on_starving: Called after SIGABRT, for a test that stopped the process.
    """

    def __init__(self, command, folder, *, watchdog_s):
        self.command, self.watchdog_s = command, watchdog_s
        self.log = os.path.join(folder, "journal")
        self.address = os.path.join(folder, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self.ready = self.fed = self.starved = 0
        self.status, self.stopping, self.process = "", False, None
        self.on_starving = lambda: None

    def start(self):
        environment = dict(
            os.environ, NOTIFY_SOCKET=self.address, WATCHDOG_USEC=str(int(self.watchdog_s * 1e6))
        )
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=environment, stderr=log, stdout=log)
        self._sign_s, self._patience_s = time.monotonic(), _START_S

    def watch(self, seconds, until=lambda: False):
        """Hear what it says for *seconds*, or *until*; restart it where it ended or is silent."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not until():
            if select.select([self._socket], [], [], 0.1)[0]:
                self._hear(self._socket.recv(4096).decode())
            silent_s = time.monotonic() - self._sign_s
            if silent_s > self._patience_s and self.process.poll() is None:
                self.starved += 1
                self.process.send_signal(signal.SIGABRT)
                self.on_starving()
                self.process.wait(60)
            if self.process.poll() is not None:
                time.sleep(_RESTART_S)
                self.start()

    def _hear(self, text):
        for line in text.splitlines():
            name, _equals, value = line.partition("=")
            if name in ("READY", "WATCHDOG"):
                self._sign_s, self._patience_s = time.monotonic(), self.watchdog_s
            self.ready += name == "READY"
            self.fed += name == "WATCHDOG"
            self.stopping = self.stopping or name == "STOPPING"
            self.status = value if name == "STATUS" else self.status

    def stop(self):
        """SIGTERM, as `systemctl stop`, once it is ready; its exit code."""
        while not listens_for(signal.SIGTERM, self.process.pid) and self.process.poll() is None:
            time.sleep(0.01)
        self.process.terminate()
        code = self.process.wait(120)
        while select.select([self._socket], [], [], 0)[0]:
            self._hear(self._socket.recv(4096).decode())
        return code

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self._socket.close()
