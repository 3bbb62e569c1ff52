"""A local Insights Hub in a process of its own, and a device that is onboarded to it."""

import itertools

import pytest

from mcagent.cli.hubclient import HubClient
from mcagent.cli.hubprocess import HubProcess
from mcagent.emulator import Emulator
from tests.cli.running import MODEL, inside, write_json
from tests.cli.tenant import Tenant

_numbers = itertools.count()


@pytest.fixture(scope="session")
def hub():
    """The hub's process; `operator` talks to it."""
    with HubProcess() as hub:
        yield hub


@pytest.fixture
def operator(hub):
    """Who sets up agents on the hub and looks at what arrived."""
    with HubClient(hub.url, hub.ca_file) as operator:
        yield operator


@pytest.fixture
def model_file(tmp_path):
    return write_json(tmp_path / "model.json", MODEL)


@pytest.fixture
def boarding(operator, tmp_path):
    """Path of a fresh boarding configuration; the agent's points are mapped by themselves."""
    configuration = operator.create_agent(f"cli-{next(_numbers)}", "SHARED_SECRET", automap=True)
    return write_json(tmp_path / "agentconfig.json", configuration)


@pytest.fixture
def device(tmp_path, model_file):
    """A state directory that knows its data model, and nothing of any platform."""
    state = tmp_path / "state"
    assert inside("model", model_file, state=state).code == 0
    return state


@pytest.fixture(scope="session")
def tenant_hub():
    """A hub in this process, which the tests of commands for operators empty again and again."""
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def tenant(tenant_hub, tmp_path, monkeypatch):
    """An empty tenant, and commands with its credentials."""
    tenant_hub.clear()
    tenant = Tenant(tenant_hub, tmp_path, monkeypatch)
    yield tenant
    tenant.close()
