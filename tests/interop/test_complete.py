"""Nothing of the Node client was forgotten, and docs/interop.md says what the tests say."""

import re

import pytest

from .operations import ROWS, load
from .outside import NOT_OFFERED, SENDS_NOTHING
from .report import BEGIN, END, PAGE, parts

load()

CLIENTS = (
    "AgentManagementClient",
    "AssetManagementClient",
    "EventManagementClient",
    "IotFileClient",
    "MindConnectApiClient",
    "TimeSeriesAggregateClient",
    "TimeSeriesAggregateClientV4",
    "TimeSeriesBulkClient",
    "TimeSeriesClient",
)
OTHERS = ("MindConnectAgent", "MindConnectSetup", "TokenManagerAuth")


def known():
    return set(ROWS) | set(SENDS_NOTHING) | set(NOT_OFFERED)


def test_every_public_method_is_in_one_of_the_lists(node):
    found = node.methods("SdkClient", *CLIENTS, *OTHERS)
    inherited = set(found.pop("SdkClient"))
    names = {"MindSphereSdk." + method for method in inherited}
    for client in CLIENTS:
        names |= {"%s.%s" % (client, method) for method in set(found[client]) - inherited}
    for client in OTHERS:
        names |= {"%s.%s" % (client, method) for method in found[client]}
    assert len(names) > 150
    assert names - known() == set()
    stale = {name for name in known() if "." in name and " (" not in name} - names
    assert stale == set()


def test_every_client_of_the_sdk_is_in_one_of_the_lists(world):
    """A getter gives a client; the class of each is driven here or named as not offered, which is so."""
    sdk = world.sdk()
    found = {}
    for getter in world.node.methods("MindSphereSdk")["MindSphereSdk"]:
        if re.search(r"Client(V4)?$", getter):
            about = sdk.client(getter).about()
            found[about["name"]] = about["path"]
    assert len(found) > 25
    assert set(found) - set(CLIENTS) - set(NOT_OFFERED) == set()
    for name in set(found) & set(NOT_OFFERED):
        assert world.plain.status(found[name] + "/anything") == 404, name


def test_every_command_is_in_one_of_the_lists(mc):
    commands = re.findall(
        r"^  ([a-z][a-z-]+)(?:\||\s)", mc("help").partition("Commands:")[2], re.MULTILINE
    )
    names = {"mc " + command for command in commands}
    assert len(names) > 60
    assert names - known() == set()
    stale = {name for name in known() if name.startswith("mc ") and " (" not in name} - names
    assert stale == set()


def test_nothing_is_in_two_lists():
    for name in SENDS_NOTHING:
        assert name not in NOT_OFFERED
        assert name not in ROWS
    assert not set(ROWS) & set(NOT_OFFERED)


def test_the_page_has_a_row_for_each_operation(request):
    """The page was written by a complete run of these tests, not of older ones."""
    if request.config.getoption("--write-interop", default=False):
        pytest.skip("this run writes the page")
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    for name, lines in parts(lambda _operation, _scheme: "yes").items():
        begin, end = page.index(BEGIN % name), page.index(END % name)
        assert page[begin:end].splitlines()[2:-1] == lines
