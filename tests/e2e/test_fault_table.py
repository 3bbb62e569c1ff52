"""Show me: each fault and its outcome. A real agent, a real hub, TLS; 0 lost, whatever happens.

The suite runs every row but those on a wire; `tox -e fault-table` runs them all, and writes the
table of docs/reliability.md with `-- --write-reliability`.
"""

import os
import pathlib

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.authority import Authority as EmulatorAuthority
from tests import reliability
from tests.e2e import wires
from tests.e2e.answers import ANSWERS, CLOCK, SLOW
from tests.e2e.links import NETWORK, impostor
from tests.e2e.scene import Scene
from tests.network.conftest import wire  # noqa: F401 - a fixture
from tests.transport.certificates import Authority, context
from tests.transport.conftest import ProxyServer

LONG = os.environ.get("MCAGENT_FAULT_TABLE") == "long"
AREAS = {"answers": ANSWERS, "slow links": SLOW, "network": NETWORK, "clock": CLOCK}
TOMORROW = "certificate that begins after the clock"
HEAD = (
    "fault",
    "delivered",
    "set aside",
    "kept meanwhile",
    "requests",
    "delivered twice",
    "lost",
)
# Faults after which the platform may have a record that was not acknowledged.
MAY_REPEAT = {
    "the answer is lost, three times",
    "three requests die by time",
    "a file that cannot pass",
    *wires.MAY_REPEAT,
}


@pytest.fixture(scope="module")
def authority():
    return Authority("root")


@pytest.fixture(scope="module")
def running(authority, tmp_path_factory):
    """A strict hub whose certificate comes from *authority*, which devices trust."""
    folder = tmp_path_factory.mktemp("tls")
    with hub_with(authority, context(folder, authority.leaf())) as hub:
        yield hub


def hub_with(authority, tls):
    patch = pytest.MonkeyPatch()
    patch.setattr(EmulatorAuthority, "server_context", lambda *_: tls)
    try:
        hub = Emulator(strict=True, settings={"processing_delay_s": 0.0})
        hub.start()
    finally:
        patch.undo()
    hub.tls = tls
    return _Stopping(hub)


class _Stopping:
    def __init__(self, hub):
        self._hub = hub

    def __enter__(self):
        return self._hub

    def __exit__(self, *exc):
        self._hub.stop()


@pytest.fixture
def new_scene(authority, tmp_path, tmp_path_factory):
    """`new_scene(hub, …)`: a scene on *hub*; its proxies end with it."""
    made, proxies = [], []
    ca_file = tmp_path / "root.pem"
    ca_file.write_bytes(authority.pem)

    def proxy(*options):
        proxies.append(ProxyServer(tmp_path_factory.mktemp("proxy"), *options))
        return proxies[-1].port

    def make(hub, **settings):
        scene = Scene(hub, str(tmp_path), str(ca_file), **settings)
        scene.authority = authority
        scene.folder = pathlib.Path(tmp_path)
        scene.proxy = proxy
        made.append(scene)
        scene.deliver_model()
        return scene

    yield make
    for scene in made:
        scene.close()
    for server in proxies:
        server.stop()


@pytest.fixture(scope="module")
def rows(request):
    """(area, fault) to the cells of its row; written where a complete long run was asked to."""
    found = {}
    yield found
    if request.config.getoption("--write-reliability"):
        assert LONG, "the page is written by tox -e fault-table"
        assert set(found) == expected_rows(), "a part of the table is missing"
        lines = []
        for area in AREAS:
            cells = [[name, *found[area, name]] for _, name in found if (area, name) in found]
            lines += ["", f"### {area.capitalize()}", "", *reliability.table(HEAD, cells)]
        reliability.write("fault-table", lines[1:])


@pytest.fixture
def row(rows, figure):
    """`row(area, fault, outcome, set_aside)`: a line of the table; 0 lost, nothing else wrong."""

    def note(area, name, outcome, set_aside=0):
        rows[area, name] = outcome.cells
        words = ", ".join(f"{value} {what}" for what, value in zip(HEAD[1:], outcome.cells))
        figure(f"{area}: {name}", words)
        assert outcome.lost == 0
        assert outcome.set_aside == set_aside
        assert outcome.delivered == outcome.recorded - set_aside
        if name not in MAY_REPEAT:
            assert outcome.twice == 0

    return note


def faults():
    for area, found in AREAS.items():
        for name, fault, set_aside, *settings in found:
            yield pytest.param(area, name, fault, set_aside, dict(*settings), id=name)


@pytest.mark.slow
@pytest.mark.parametrize(("area", "name", "fault", "set_aside", "settings"), list(faults()))
def test_a_fault_costs_nothing(running, new_scene, row, area, name, fault, set_aside, settings):
    """Whatever was recorded is stored, once, or set aside for a reason of its own."""
    running.clear()
    outcome = new_scene(running, **settings).play(fault)
    row(area, name, outcome, set_aside)
    assert outcome.requests < 600, "the platform is asked too often"


def test_a_certificate_of_tomorrow_costs_nothing(authority, tmp_path, new_scene, row):
    """The device's clock stands before the certificate, the platform's does not (ADR 0009)."""
    tls = context(tmp_path, authority.leaf(days=(1, 90)))
    with hub_with(authority, tls) as hub:
        hub.set_clock(2 * 86_400)
        boarded = new_scene(hub, platform_ahead_s=2 * 86_400)
        row("clock", TOMORROW, boarded.play(lambda _scene: iter([60])))


@pytest.mark.skipif(not LONG, reason="minutes, as root: tox -e fault-table")
@pytest.mark.parametrize(("name", "fault"), wires.WIRES, ids=[name for name, _ in wires.WIRES])
def test_a_fault_of_a_wire_costs_nothing(request, tmp_path, row, name, fault):
    """Packets that come late, in another order, or never."""
    row("network", name, wires.play(request.getfixturevalue("wire"), tmp_path, name, fault))


def test_the_judge_sees_a_lost_record(running, new_scene):
    """A record that was acknowledged, and that the hub does not have."""
    running.clear()
    scene = new_scene(running)

    def talk(connection):
        while connection.read_request():  # no model, no mapping, and whatever comes is welcome
            connection.answer(body=b'{"content": [], "totalPages": 0}')

    def liar(scene):
        with impostor(scene, context(scene.folder, scene.authority.leaf()), talk):
            yield 60
        yield 1

    assert scene.play(liar).lost > 0


def expected_rows():
    found = {(area, name) for area, faults in AREAS.items() for name, *_rest in faults}
    return found | {("clock", TOMORROW)} | {("network", name) for name, _ in wires.WIRES}


@pytest.mark.skipif(
    "config.getoption('--write-reliability')", reason="this run writes what is compared"
)
def test_the_page_has_a_row_for_each_fault():
    """What docs/reliability.md says was found by these tests, and nothing was lost."""
    written = reliability.rows("fault-table")
    assert sorted(row[0] for row in written) == sorted(name for _area, name in expected_rows())
    assert {row[HEAD.index("lost")] for row in written} == {"0"}
