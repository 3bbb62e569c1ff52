"""A tenant on a hub in this process, and commands that ask as an application of it."""

import json

from tests.cli.running import inside
from tests.services.platform import Platform


class Tenant:
    """`run` is a command with the tenant's credentials."""

    def __init__(self, hub, folder, monkeypatch):
        self.hub = hub
        self.folder = folder
        self.platform = Platform(hub)
        self.monkeypatch = monkeypatch
        self.credentials = folder / "credentials.json"
        self.allow(None)
        monkeypatch.setenv("MCAGENT_CREDENTIALS", str(self.credentials))
        monkeypatch.delenv("MCAGENT_GATEWAY", raising=False)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "xdg"))

    def allow(self, scopes):
        """The credentials have these scopes; None for all."""
        given = self.platform.application(scopes)
        given["gateway"] = self.hub.url
        self.credentials.write_text(json.dumps(given))
        self.credentials.chmod(0o600)
        self.secret = given["clientSecret"]

    def run(self, *arguments):
        result = inside(*arguments, "--ca", self.hub.ca_file)
        assert self.secret not in result.out + result.err
        return result

    def json(self, *arguments):
        """The object that a command prints with ``--json``; it must have worked."""
        result = self.run(*arguments, "--json")
        assert result.code == 0, result
        return result.json

    def file(self, name, value):
        path = self.folder / name
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    def answers(self, text):
        """A person at the terminal who types *text*."""
        self.monkeypatch.setattr("sys.stdin", _Person(text))

    def close(self):
        self.platform.close()


class _Person:
    def __init__(self, text):
        self.text = text

    def isatty(self):
        return True

    def readline(self):
        return self.text + "\n"
