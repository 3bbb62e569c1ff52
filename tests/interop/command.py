"""The client's command line `mc`, run as a user runs it: a process, a directory, a home."""

import base64
import json
import os
import re
import subprocess

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .node import PACKAGE, environment

TIMEOUT_S = 180
PASSKEY = "passkey-for-tests"


class CommandFailed(Exception):
    """It ended with another status than 0; the text is what it printed."""


class Command:
    """`mc("onboard", "--config", path)` gives what it printed; `used` lists the commands."""

    def __init__(self, hub, modules, directory):
        self.hub = hub
        self.directory = directory
        self.used = []
        self._program = os.path.join(modules, "node_modules", PACKAGE, "bin", "mc")
        self._env = environment(hub, directory)
        os.mkdir(os.path.join(directory, ".mc"))  # where it keeps its state if that is there

    def __call__(self, command, *options):
        """Run a command.

        Raises:
            CommandFailed: Its status was not 0.
        """
        done = subprocess.run(
            ["node", self._program, command, *options],
            cwd=self.directory,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT_S,
            check=False,
        )
        printed = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout)
        if done.returncode:
            raise CommandFailed("mc %s: %s" % (command, printed))
        self.used.append("mc " + command)
        return printed

    def log_in(self, credentials):
        """Store service or application credentials where the command `service-credentials` does.

        It is a file with one line for each, encrypted with a passkey that each command is given.
        """
        kind = "APP" if "appName" in credentials else "SERVICE"
        secret = ("%(basicAuth)s" % credentials).encode()
        iv = os.urandom(16)
        cipher = Cipher(algorithms.AES(PASSKEY.ljust(32, "$").encode()), modes.CTR(iv)).encryptor()
        entry = {
            "auth": (cipher.update(secret) + cipher.finalize()).hex(),
            "iv": base64.b64encode(iv).decode(),
            "type": kind,
            "selected": True,
            "createdAt": "2026-01-05T08:00:00.000Z",
            **{name: credentials.get(name, "") for name in ("gateway", "tenant", "usertenant")},
            **{name: credentials.get(name, "") for name in ("appName", "appVersion")},
        }
        self.write(".mc/auth.json", json.dumps({"credentials": [entry]}))

    def log_in_by_command(self, credentials):
        """Store them by the command itself."""
        kind = "APP" if "appName" in credentials else "SERVICE"
        options = ["--mode", "add", "--type", kind, "--passkey", PASSKEY]
        options += ["--gateway", credentials["gateway"], "--tenant", credentials["tenant"]]
        options += ["--user", credentials["user"], "--password", credentials["password"]]
        if kind == "APP":
            options += ["--usertenant", credentials["usertenant"]]
            options += ["--appName", credentials["appName"]]
            options += ["--appVersion", credentials["appVersion"]]
        return self("service-credentials", *options)

    def service(self, command, *options):
        """Run a command with the stored credentials."""
        return self(command, *options, "--passkey", PASSKEY)

    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, content):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(content)
        return self.path(name)
