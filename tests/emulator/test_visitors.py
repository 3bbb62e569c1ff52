"""What a foreign web page in the same browser can do to a hub: nothing."""

import pytest

from .device import AGENTS, call

FAULTS = "/_emulator/faults"
RULES = '[{"action": "drop_before"}]'


def asked(hub, method, path, **fields):
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return call(hub.local_url, method, path, RULES if method == "PUT" else None, headers)


@pytest.mark.parametrize("path", ["/", "/_emulator/state", "/_emulator/page/overview", FAULTS])
@pytest.mark.parametrize("name", ["rebound.example", "rebound.example:8443", "127.0.0.1.evil.net"])
def test_a_name_that_was_rebound_is_refused(hub, path, name):
    """DNS rebinding: the browser takes a foreign name for this machine's address."""
    got = asked(hub, "GET", path, Host=name)
    assert got.status == 403
    assert name in got.json["message"]
    assert "--public-url" in got.json["message"]


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1:1", "[::1]:8443", "10.0.3.7", "hub:8443", "LOCALHOST", "a.localhost"],
)
def test_addresses_and_names_that_nobody_can_register_are_served(hub, name):
    """Scripts in containers call it by the name of its service."""
    assert asked(hub, "GET", "/_emulator/state", Host=name).status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost:3000", "null", "http://127.0.0.1", ""]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_another_origin_is_refused_and_changes_nothing(hub, origin, method):
    """A form or a fetch of a foreign page; a development server of this machine is foreign, too."""
    got = asked(hub, method, FAULTS, Origin=origin)
    assert got.status == 403
    assert "access-control-allow-origin" not in got.headers
    assert hub.faults() == []


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pictures_and_scripts_of_foreign_pages_are_refused(hub, site):
    fields = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "no-cors"}
    assert asked(hub, "GET", "/_emulator/state", **fields).status == 403
    assert asked(hub, "GET", "/", **fields).status == 403
    navigation = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": "navigate"}
    assert asked(hub, "GET", "/_emulator/state", **navigation).status == 403


def test_a_link_to_the_page_works_and_so_does_the_page(hub):
    host = hub.url.partition("//")[2]
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert asked(hub, "GET", "/", **link).status == 200
    own = {"Sec_Fetch_Site": "same-origin", "Origin": f"http://{host}", "Host": host}
    assert asked(hub, "PUT", FAULTS, **own).status == 200
    assert len(hub.faults()) == 1


def test_a_preflight_gets_no_leave(hub):
    """PUT and JSON across origins ask first; nothing is answered that would let them."""
    got = asked(hub, "OPTIONS", FAULTS, Origin="https://evil.example")
    assert got.status == 403
    assert not {name for name in got.headers if name.startswith("access-control")}


def test_devices_are_asked_for_no_origin(hub):
    """The platform's own interface has tokens, and its clients call it by any name."""
    got = asked(hub, "GET", f"{AGENTS}/oauth/token_key", Host="any.example", Origin="https://x.y")
    assert got.status == 200


@pytest.mark.parametrize("path", ["/_emulator/state", "/_emulator/page/overview"])
def test_answers_may_run_nothing_and_be_read_by_nobody_else(hub, path):
    headers = asked(hub, "GET", path).headers
    policy = headers["content-security-policy"]
    assert policy == "default-src 'none'; sandbox; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
