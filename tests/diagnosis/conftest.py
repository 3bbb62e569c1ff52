"""Real proxies, namespaces and hubs, and a patient that a doctor can be sent to."""

import contextlib
import json
import os
import subprocess
import sys
from unittest import mock

import pytest

from mcagent.emulator import Emulator
from tests.cli.running import MODEL, ROOT, Result, inside, write_json
from tests.network.conftest import wire  # noqa: F401 - a fixture
from tests.transport.conftest import proxy, proxy_with_password  # noqa: F401 - fixtures

HUB = "hub.test"


class Patient:
    """A device in a folder, its hub, and the options that the doctor is given.

    Attributes:
        options: Of `mcagent doctor`.
        env: Added to the environment.
        prefix: Before the command: `ip netns exec …`.
        user: Who runs the command; None for who runs the tests.
    """

    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.state = folder / "state"
        self.options = []
        self.env = {}
        self.prefix = []
        self.user = None
        self.hub = None

    def hub_with(self, **settings):
        """Start a hub, trusted by the doctor."""
        options = {
            "tls": True,
            "strict": True,
            "settings": {"processing_delay_s": 0.0},
            **settings,
        }
        self.hub = self.stack.enter_context(Emulator(**options))
        if options["tls"]:
            self.options = ["--ca", self.hub.ca_file]
        return self.hub

    def boarding(self, *, automap=True):
        """Path of a fresh boarding configuration of the hub."""
        configuration = self.hub.create_agent("press-7", automap=automap)
        return write_json(self.folder / "agentconfig.json", configuration)

    def onboarded(self, *, automap=True):
        """The device is onboarded and its model is on the platform."""
        boarding = self.boarding(automap=automap)
        assert inside("onboard", boarding, *self.options, state=self.state).code == 0
        model = write_json(self.folder / "model.json", MODEL)
        assert inside("model", model, state=self.state).code == 0
        inside("upload", "--timeout", 60, *self.options, state=self.state)

    def told_of(self, url):
        """Only a boarding configuration for *url* is there; nobody need answer."""
        content = {
            "baseUrl": url,
            "iat": "unused",
            "clientCredentialProfile": ["SHARED_SECRET"],
            "clientId": "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3",
            "tenant": "acmedev",
        }
        path = write_json(self.folder / "agentconfig.json", {"content": content})
        self.options += ["--boarding", str(path)]

    def examine(self, *arguments):
        """What `mcagent doctor` says: in this process, or by itself where *prefix* stands."""
        environment = {
            name: value for name, value in os.environ.items() if "proxy" not in name.lower()
        }
        environment.update(self.env, PYTHONPATH=ROOT)
        if not self.prefix:
            with mock.patch.dict(os.environ, environment, clear=True), self._as_user():
                return inside("doctor", *self.options, *arguments, state=self.state)
        command = [*self.prefix, sys.executable, "-m", "mcagent", "doctor", "--state", self.state]
        done = subprocess.run(
            [*map(str, command), *self.options, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Result(done.returncode, done.stdout, done.stderr)

    @contextlib.contextmanager
    def _as_user(self):
        if self.user is None:
            yield
            return
        inside("doctor", state=self.state)  # whose modules that user may not be able to read
        os.seteuid(self.user)
        try:
            yield
        finally:
            os.seteuid(0)

    def diagnosis(self):
        """`(exit code, step and cause, the step that failed, all steps)` by name."""
        result = self.examine("--json")
        assert result.out, result
        value = json.loads(result.out)
        steps = {step["step"]: step for step in value["steps"]}
        cause = value["cause"] or {"step": "", "cause": ""}
        return result.code, (cause["step"], cause["cause"]), steps.get(cause["step"]), steps


@pytest.fixture
def patient(tmp_path):
    with contextlib.ExitStack() as stack:
        yield Patient(tmp_path, stack)
