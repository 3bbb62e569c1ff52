"""A virtual machine in QEMU: boots, runs commands, loses its link or its power.

It reaches one address, the emulator's. Commands go through QEMU's guest agent, which needs no
network. KVM is used where the processor has it; else QEMU translates, some ten times slower.
"""

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

from tests.machine.image import HUB_ADDRESS
from tests.machine.volatile import replay

HUB_PORT = 8443
_BOOT_S = 600
_HERE = os.path.dirname(os.path.abspath(__file__))


def accelerator():
    """Some hosts have /dev/kvm without the processor's help; an ordinary kernel hangs on these."""
    with open("/proc/cpuinfo") as file:
        able = re.search(r"\b(vmx|svm)\b", file.read())
    return "kvm" if able and os.access("/dev/kvm", os.W_OK) else "tcg"


class Machine:
    """One machine with one disk, off until `boot`.

    Attributes:
        disk: Its disk as the last end of power left it; written when it ends.
        witness: Path of what the machine wrote to its second serial line, all boots.
        fates: What each cut did to the disk.
    """

    def __init__(self, image, disk, folder, *, hub_port=None, cargo=None):
        self.disk = disk
        self.witness = os.path.join(folder, "witness")
        self.fates = []
        self._image, self._folder, self._cargo = image, folder, cargo
        self._hub_port = hub_port
        self._process = self._agent = self._monitor = None

    def _path(self, name):
        return os.path.join(self._folder, name)

    # -- power ------------------------------------------------------------------------------

    def boot(self, *, rtc="utc"):
        """Switch it on, and wait until it takes commands. *rtc* as of QEMU's `-rtc base=`."""
        for name in ("agent", "monitor", "log", "overlay"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._path(name))
        with open(self._path("log"), "wb"):
            pass
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw"]
            + ["-b", os.path.abspath(self.disk), self._path("overlay")],
            check=True,
        )
        with open(self._path("qemu"), "ab") as output:
            self._process = subprocess.Popen(
                self._command(rtc), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self._agent = _Channel(self._path("agent"), self._process)
        self._monitor = _Channel(self._path("monitor"), self._process)
        self._monitor.ask("qmp_capabilities")
        give_up = time.monotonic() + _BOOT_S
        while not self._agent.answers():
            assert time.monotonic() < give_up, self.console()

    def cut(self, dice):
        """Take the power away, at once."""
        self._process.kill()
        self._ended()
        self.fates.append(replay(self._path("log"), self.disk, dice))

    def shut_down(self):
        """As an operator does it."""
        self._agent.tell("guest-shutdown", mode="powerdown")
        self._process.wait(_BOOT_S)
        self._ended()
        replay(self._path("log"), self.disk)

    def close(self):
        if self._process is not None:
            self._process.kill()
            self._ended()

    def _ended(self):
        self._process.wait()
        self._agent.close()
        self._monitor.close()
        self._process = None

    def _command(self, rtc):
        pipe = f"{sys.executable} -S -E {os.path.join(_HERE, 'pipe.py')} 127.0.0.1"
        wire = "user,id=wire,restrict=on"
        if self._hub_port is not None:
            wire += f",guestfwd=tcp:{HUB_ADDRESS}:{HUB_PORT}-cmd:{pipe} {self._hub_port}"
        kind = accelerator()
        command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none"]
        command += ["-no-reboot", "-machine", "q35", "-m", "768", "-smp", "1"]
        command += ["-accel", kind, "-cpu", "host" if kind == "kvm" else "max"]
        command += ["-rtc", f"base={rtc}"]
        command += ["-kernel", self._image.kernel, "-initrd", self._image.initrd]
        command += ["-append", "root=/dev/vda rw console=ttyS0 panic=-1"]
        # The disk: what is written goes into an overlay and into the log (volatile.py).
        command += self._block("disk", "qcow2", "overlay")
        command += self._block("journal", None, "log")
        command += ["-blockdev", "driver=blklogwrites,node-name=logged,file=disk,log=journal-file"]
        command += ["-device", "virtio-blk-pci,drive=logged,write-cache=on"]
        if self._cargo is not None:
            command += self._block("cargo", "raw", self._cargo, read_only=True)
            command += ["-device", "virtio-blk-pci,drive=cargo"]
        command += ["-netdev", wire, "-device", "virtio-net-pci,id=card,netdev=wire"]
        command += ["-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
        for name, path in (("console", "console"), ("witness", self.witness)):
            command += ["-chardev", f"file,id={name},path={self._path(path)},append=on"]
            command += ["-device", f"isa-serial,chardev={name}"]
        command += ["-chardev", f"socket,id=agent,path={self._path('agent')},server=on,wait=off"]
        command += ["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"]
        return [*command, "-qmp", f"unix:{self._path('monitor')},server=on,wait=off"]

    def _block(self, name, form, path, *, read_only=False):
        only = ",read-only=on" if read_only else ""
        words = f"driver=file,node-name={name}-file,filename={self._path(path)}{only}"
        command = ["-blockdev", words]
        if form is not None:
            command += ["-blockdev", f"driver={form},node-name={name},file={name}-file{only}"]
        return command

    # -- what it does -----------------------------------------------------------------------

    def run(self, command, *, check=True, timeout_s=300):
        """Run *command* in a shell as root; what it printed."""
        started = self._agent.ask(
            "guest-exec",
            path="/bin/bash",
            arg=["-euo", "pipefail", "-c", command],
            **{"capture-output": True},
        )
        give_up = time.monotonic() + timeout_s
        while not (done := self._agent.ask("guest-exec-status", pid=started["pid"]))["exited"]:
            assert time.monotonic() < give_up, command
            time.sleep(0.1)
        out, errors = (
            base64.b64decode(done.get(name, "")).decode(errors="replace")
            for name in ("out-data", "err-data")
        )
        code = done.get("exitcode", -1)
        assert not check or code == 0, f"{command}\n-> {code}\n{out[-3000:]}\n{errors[-3000:]}"
        return out

    def put(self, path, content, mode="0644"):
        """Write a file, and its folders."""
        coded = base64.b64encode(
            content.encode() if isinstance(content, str) else content
        ).decode()
        self.run(
            f"mkdir -p $(dirname {path}); echo {coded} | base64 -d > {path}; chmod {mode} {path}"
        )

    def wait(self, command, timeout_s=300):
        """Wait until *command* succeeds and prints something; what it printed."""
        give_up = time.monotonic() + timeout_s
        while not (out := self.run(command + " || true", check=False).strip()):
            assert time.monotonic() < give_up, command + "\n" + self.journal()
            time.sleep(0.2)
        return out

    def link(self, up):
        """Plug the network cable in, or out."""
        self._monitor.ask("set_link", name="card", up=up)

    def journal(self, unit="", lines=60):
        """The end of the journal of this boot."""
        of = f"-u {unit}" if unit else ""
        return self.run(f"journalctl -b --no-pager -n {lines} {of}", check=False)

    def console(self):
        """What the kernel and systemd printed last."""
        with open(self._path("console"), errors="replace") as file:
            return file.read()[-2000:]


class _Channel:
    """JSON lines to QEMU or into the guest."""

    def __init__(self, path, process):
        self._socket = socket.socket(socket.AF_UNIX)
        give_up = time.monotonic() + 20
        while True:
            try:
                self._socket.connect(path)
                break
            except OSError:
                alive = process.poll() is None and time.monotonic() < give_up
                assert alive, "QEMU did not start; see the file qemu"
                time.sleep(0.05)
        self._buffer = b""
        self._count = 0

    def tell(self, command, **arguments):
        text = json.dumps({"execute": command, "arguments": arguments})
        self._socket.settimeout(60)
        self._socket.sendall(text.encode() + b"\n")

    def ask(self, command, **arguments):
        self.tell(command, **arguments)
        while True:
            answer = self._line(60)
            if "return" in answer:
                return answer["return"]
            assert "error" not in answer, (command, answer)

    def answers(self):
        """Whether the guest's agent answers by now; what it said before is thrown away."""
        self._count += 1
        self.tell("guest-sync", id=self._count)
        # Rarely: until the agent is there, the socket keeps all of them, and has little room.
        with contextlib.suppress(TimeoutError, ValueError):
            while self._line(15).get("return") != self._count:
                pass
            return True
        return False

    def _line(self, timeout_s):
        self._socket.settimeout(timeout_s)
        while b"\n" not in self._buffer:
            data = self._socket.recv(1 << 20)
            assert data, "the machine has ended"
            self._buffer += data
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def close(self):
        self._socket.close()


def copy_disk(source, target):
    """A copy that stays sparse."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)
    return target


def free_space_gb(folder):
    return shutil.disk_usage(folder).free / 1e9
