"""One hub, one Node process and one installation of the client for each scheme."""

import os

import pytest

from mcagent.emulator import Emulator

from . import operations, report
from .command import Command
from .node import Bridge, Unavailable, environment, install
from .world import World


def pytest_addoption(parser):
    parser.addoption(
        "--write-interop",
        action="store_true",
        help="write the table of docs/interop.md from this complete run",
    )


@pytest.fixture(scope="session")
def modules(request, tool_missing):
    """Give the directory whose node_modules hold the client."""
    cache = os.environ.get("MCAGENT_NODE_CACHE") or str(request.config.cache.mkdir("interop"))
    try:
        return install(cache)
    except Unavailable as error:
        return tool_missing(str(error))


@pytest.fixture(scope="session", params=operations.SCHEMES)
def session_hub(request, modules):
    """Over http with its defaults, over https at its harshest."""
    tls = request.param == "https"
    with Emulator(tls=tls, strict=tls, settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture(scope="session")
def session_bridge(session_hub, modules, tmp_path_factory):
    bridge = Bridge(modules, environment(session_hub, str(tmp_path_factory.mktemp("home"))))
    yield bridge
    bridge.close()


@pytest.fixture
def hub(session_hub):
    session_hub.clear()
    return session_hub


@pytest.fixture
def node(session_bridge, request):
    """Give the Node process; the test must have called what it claims to show."""
    session_bridge.used.clear()
    yield session_bridge
    if "mc" not in request.fixturenames:
        claims_are_true(request.node, session_bridge.used)


def claims_are_true(item, used):
    """Fail where a test that passed did not call what it claims to show."""
    if getattr(item, "has_passed", False):
        missing = set(operations.of_test(item)) - set(used)
        assert not missing, "claimed and never called: %s" % sorted(missing)


@pytest.fixture
def world(hub, node, tmp_path):
    with World(hub, node, str(tmp_path)) as world:
        yield world


@pytest.fixture
def mc(hub, modules, tmp_path, request):
    """Give the client's command line: `mc("onboard", "--config", path)`."""
    command = Command(hub, modules, str(tmp_path))
    yield command
    claims_are_true(request.node, command.used)


@pytest.fixture(scope="session")
def rsa_key():
    """Give an RSA_3072 key in PKCS#1, the form that the client reads."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Send what a test showed along with its report, which may go to another process."""
    callspec = getattr(item, "callspec", None)
    shown = operations.of_test(item)
    if shown and callspec and call.when == "setup":
        item.user_properties.append(("interop", (callspec.params["session_hub"], shown)))
    outcome = yield
    if call.when == "call":
        item.has_passed = outcome.get_result().passed


def pytest_collection_modifyitems(config, items):
    """Leave these tests to `tox -e interop`, unless they were asked for by their path."""
    asked = os.environ.get("MCAGENT_INTEROP") or any("interop" in arg for arg in config.args)
    if not asked:
        ours = [
            item for item in items if item.path.parent == config.rootpath / "tests" / "interop"
        ]
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter, config):
    """Print the list: each operation, and how it went by http and https."""
    operations.collect(terminalreporter.stats)
    tried = sorted({name for name, _scheme in operations.RESULTS}, key=report.sorting)
    if not tried:
        return
    operations.load()
    terminalreporter.section("operations of the Node client")
    width = max(len(name) for name in tried)
    for name in tried:
        cells = [
            "%s %s" % (scheme, operations.verdict(name, scheme) or "-")
            for scheme in operations.SCHEMES
        ]
        terminalreporter.write_line("%-*s  %s" % (width, name, "  ".join(cells)))
    for scheme in operations.SCHEMES:
        passed = [name for name in tried if operations.verdict(name, scheme) == "yes"]
        terminalreporter.write_line(
            "by %s: %d of %d pass" % (scheme, len(passed), len(operations.ROWS))
        )
    if config.getoption("--write-interop", default=False):
        terminalreporter.write_line(report.write())
