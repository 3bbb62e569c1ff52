"""One table of operations and scopes: the routes run it, the docs print it."""

import os
import re

import pytest

from mcagent.emulator.api.common import operation
from mcagent.emulator.app import ROUTES
from mcagent.emulator.scopes import AGENT_RIGHTS, ALL_SCOPES, OPERATIONS, ROLES, rights_of

from .application import Application
from .device import call, onboarded

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "emulator.md")
GUARDED = sorted(name for name, scope in OPERATIONS.items() if scope)


def scope_table():
    """The lines of the table in docs/emulator.md, below its head."""
    lines = []
    for name, scope in OPERATIONS.items():
        method, path = name.split(" ")
        by_agent = "yes" if scope in AGENT_RIGHTS else "no"
        lines.append(
            f"| {method} | `{path}` | {f'`{scope}`' if scope else 'none'} |"
            f" {by_agent if scope else 'none'} |"
        )
    return lines


def request_of(name):
    method, path = name.split(" ")
    return method, re.sub(r"\{\w+(:path)?\}", "0f3c" * 8, path)


def test_every_route_of_the_platform_stands_in_the_table_and_the_other_way_round():
    """Promise: no operation without a line, no line without an operation."""
    routed = {
        f"{method} {route.path}"
        for route in ROUTES
        for method in route.methods - {"HEAD"}
        if not route.path.startswith("/_emulator/") and route.path != "/"
    }
    assert routed == set(OPERATIONS)


def test_an_operation_without_a_line_cannot_be_built():
    with pytest.raises(KeyError):
        operation("GET", "/api/assetmanagement/v3/secrets", None)


def test_each_operation_asks_for_its_scope(hub):
    """Promise: 401 without a token, 403 with every scope but its own, neither with its own."""
    tokens = {
        scope: (
            Application(hub, scopes=[s for s in ALL_SCOPES if s != scope]),
            Application(hub, scopes=[scope]),
        )
        for scope in {OPERATIONS[name] for name in GUARDED}
    }
    for name in GUARDED:
        method, path = request_of(name)
        without, alone = tokens[OPERATIONS[name]]
        assert call(hub.url, method, path).status == 401, name
        refused = without.call(method, path)
        assert refused.status == 403, name
        assert OPERATIONS[name] in refused.body.decode(), name
        assert alone.call(method, path).status not in (401, 500), name
        assert f"Scope {OPERATIONS[name]}" not in alone.call(method, path).body.decode(), name


def test_an_agent_is_refused_what_agents_may_not_do(hub):
    """Promise: an agent's token opens exactly the operations that the table says."""
    device = onboarded(hub)
    for name in GUARDED:
        scope = OPERATIONS[name]
        got = device.call(*request_of(name))
        missing = f"Scope {scope} is missing." in got.body.decode()
        assert missing == (scope not in AGENT_RIGHTS), name
        assert got.status != 500, name


def test_every_scope_of_the_table_is_in_a_role_or_only_for_agents():
    """Promise: an application can be given every scope but that of the exchange."""
    assert set(OPERATIONS.values()) - {None} <= set(ALL_SCOPES) | {"exc.w"}


def test_roles_expand_and_other_scopes_keep_their_last_part():
    assert rights_of(["mdsp:core:iot.filUser", "mdsp:core:x:agm.r", 7]) == {"iot.fil.r", "agm.r"}
    assert rights_of(ROLES) == set(ALL_SCOPES)


def test_the_table_in_the_docs_is_this_one():
    """Promise: docs/emulator.md prints what the code runs."""
    with open(DOCS, encoding="utf-8") as file:
        text = file.read()
    start, end = text.index("<!-- scopes -->"), text.index("<!-- end of scopes -->")
    lines = [line for line in text[start:end].splitlines() if line.startswith("|")]
    assert lines[2:] == scope_table(), "\n".join(scope_table())
