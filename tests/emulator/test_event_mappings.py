"""Event mappings: which asset an exchanged event lands on, and the resource itself (agent API 9)."""

import json
from urllib.parse import quote

import pytest

from mcagent.emulator import Emulator

from .application import Application
from .device import CONNECT, call, event, onboarded

PATH = CONNECT + "/eventMappings"
TYPE = "localdev.connectivity.event.type.PressEvent"
STANDARD = "com.siemens.mindsphere.eventmgmt.event.type.MindSphereStandardEvent"


@pytest.fixture
def device(hub):
    return onboarded(hub)


def mapping(device, asset, **changes):
    body = {
        "agentId": device.id,
        "assetId": asset,
        "eventTypeId": TYPE,
        "eventTypeName": "PressEvent",
        "eventTypeFieldName": "source",
        "eventTypeFieldValue": "pump block",
    }
    body.update(changes)
    return body


def create(device, asset, **changes):
    got = device.call("POST", PATH, mapping(device, asset, **changes))
    assert got.status == 201, got.body
    return got.json


def landed(hub, device, **changes):
    """Send one event; give the names of the assets that it was stored on."""
    before = len(hub.events())
    device.send(event(**{"type": TYPE, **changes}))
    hub.settle()
    return sorted(line["asset"] for line in hub.events()[before:])


# -- where an event lands -----------------------------------------------------------------------


def test_a_matching_event_lands_on_the_mapped_asset_and_not_on_the_agents(hub, device):
    asset = hub.create_asset("press")
    assert landed(hub, device) == [device.id]  # before there is a mapping
    create(device, asset)
    assert landed(hub, device) == [asset]
    assert landed(hub, device, details={"source": "conveyor"}) == [device.id]
    assert landed(hub, device, type="OtherEvent") == [device.id]


def test_the_field_contains_the_value_or_by_switch_equals_it(hub, device):
    asset = hub.create_asset("press")
    create(device, asset, eventTypeFieldValue="MyMachine")
    inside, whole = {"source": "hall 3/MyMachine/drive"}, {"source": "MyMachine"}
    assert landed(hub, device, details=inside) == [asset]
    assert landed(hub, device, details=whole) == [asset]
    assert landed(hub, device, details={"source": "mymachine"}) == [device.id]
    hub.change_settings(event_mapping_match="equals")
    assert landed(hub, device, details=inside) == [device.id]
    assert landed(hub, device, details=whole) == [asset]


def test_all_matching_mappings_apply_each_asset_once(hub, device):
    first, second = hub.create_asset("a"), hub.create_asset("b")
    create(device, first)
    create(device, first, eventTypeFieldValue="pump")
    create(device, second, eventTypeFieldName="code", eventTypeFieldValue="E-1")
    details = {"source": "pump block 2", "code": "E-113"}
    assert landed(hub, device, details=details) == sorted([first, second])
    # Without an id of its own the event is still one event on both.
    assert landed(hub, device, details=details, id=None) == sorted([first, second])
    assert len({json.dumps(line["event"]) for line in hub.events()[-2:]}) == 1


def test_each_copy_is_read_by_applications_with_an_id_of_its_own_and_a_resend_adds_none(
    hub, device
):
    assets = [hub.create_asset("a"), hub.create_asset("b")]
    for asset in assets:
        create(device, asset)
    for _ in range(2):
        device.send(event(type=TYPE, id="e-1", correlationId="c-1"))
    hub.settle()
    application = Application(hub)
    ids = set()
    for asset in assets:
        wanted = {"entityId": asset, "timestamp": {"after": "2026-01-01T00:00:00Z"}}
        path = "/api/eventmanagement/v3/events?filter=" + quote(json.dumps(wanted))
        (found,) = application.call("GET", path).json["_embedded"]["events"]
        assert (found["entityId"], found["correlationId"]) == (asset, "c-1")
        ids.add(found["id"])
    assert len(ids) == 2


def test_the_field_stands_in_the_details_or_else_beside_them(hub, device):
    asset = hub.create_asset("press")
    create(device, asset, eventTypeFieldName="description", eventTypeFieldValue="hot")
    assert landed(hub, device, description="too hot", details={}) == [asset]
    assert landed(hub, device, description="too hot", details={"description": "ok"}) == [device.id]
    assert landed(hub, device, description="too hot", details=None) == [asset]


@pytest.mark.parametrize(("value", "wanted"), [(True, "true"), (117, "117"), (1.5, "1.5")])
def test_values_that_are_no_text_are_compared_as_json(hub, device, value, wanted):
    asset = hub.create_asset("press")
    create(device, asset, eventTypeFieldName="code", eventTypeFieldValue=wanted)
    assert landed(hub, device, details={"code": value}) == [asset]
    assert landed(hub, device, details={"code": [wanted]}) == [device.id]
    assert landed(hub, device, details={}) == [device.id]


@pytest.mark.parametrize("sent", ["MindSphereStandardEvent", STANDARD])
def test_a_type_is_named_by_id_or_by_name(hub, device, sent):
    asset = hub.create_asset("press")
    name = "MindSphereStandardEvent"  # its id has 67 characters, three more than are taken
    create(device, asset, eventTypeId=name, eventTypeName=name)
    assert landed(hub, device, type=sent) == [asset]


def test_an_event_that_names_its_type_is_stored_as_one_of_it(hub, device):
    """A tenant's type by name or id; a type that nobody made is a standard event."""
    Application(hub).call("POST", "/api/eventmanagement/v3/eventTypes", {"id": TYPE, "name": "P"})
    other = Application(hub, tenant="otherdev")
    foreign = {"id": "otherdev.x", "name": "Foreign"}
    assert other.call("POST", "/api/eventmanagement/v3/eventTypes", foreign).status == 201
    for sent, kept in ((TYPE, TYPE), ("P", TYPE), ("nope", STANDARD), ("otherdev.x", STANDARD)):
        device.send(event(type=sent, id=f"e-{sent}"))
        hub.settle()
        wanted = {"typeId": kept, "correlationId": f"e-{sent}"}
        wanted["timestamp"] = {"after": "2026-01-01T00:00:00Z"}
        path = "/api/eventmanagement/v3/events?filter=" + quote(json.dumps(wanted))
        assert len(Application(hub).call("GET", path).json["_embedded"]["events"]) == 1, sent


def test_other_agents_and_deleted_assets_are_not_mapped(hub, device):
    other = onboarded(hub, "other")
    asset = hub.create_asset("press")
    create(other, asset)
    assert landed(hub, device) == [device.id]
    create(device, asset)
    application = Application(hub)
    path = f"/api/assetmanagement/v3/assets/{asset}"
    etag = application.call("GET", path).json["etag"]
    assert application.call("DELETE", path, If_Match=str(etag)).status == 204
    assert landed(hub, device) == [device.id]


def test_mappings_go_with_their_agent(hub, device):
    create(device, hub.create_asset("press"))
    operator = Application(hub)
    path = f"/api/agentmanagement/v3/agents/{device.id}"
    assert operator.call("DELETE", path, If_Match="1").status == 204
    assert operator.call("GET", PATH).json["content"] == []


# -- the resource -------------------------------------------------------------------------------


def test_creation_answers_201_with_id_and_etag(hub, device):
    asset = hub.create_asset("press")
    made = create(device, asset)
    assert len(made["id"]) == 36
    assert made == {"id": made["id"], "eTag": "1", **mapping(device, asset)}
    assert device.call("GET", f"{PATH}/{made['id']}").json == made


@pytest.mark.parametrize(
    "changes",
    [
        {"agentId": None},
        {"agentId": "x" * 33},
        {"agentId": "0" * 32},
        {"assetId": "0" * 32},
        {"eventTypeId": "x" * 65},
        {"eventTypeName": ""},
        {"eventTypeFieldName": 5},
        {"eventTypeFieldValue": "x" * 256},
    ],
)
def test_a_mapping_that_breaks_a_rule_is_400_in_the_services_body(hub, device, changes):
    body = mapping(device, hub.create_asset("press"), **changes)
    got = Application(hub).call("POST", PATH, body)
    assert got.status == 400, got.body
    (error,) = got.json["errors"]
    assert set(error) == {"code", "logref", "message"}
    assert error["code"].startswith("mdsp.conn.mindconnect.")
    assert next(iter(changes)) in error["message"] or "Agent" in error["message"]


def test_a_second_one_alike_is_409(hub, device):
    asset = hub.create_asset("press")
    create(device, asset)
    assert device.call("POST", PATH, mapping(device, asset)).status == 409
    again = create(device, asset, eventTypeFieldValue="else")
    one = f"{PATH}/{again['id']}"
    got = device.call("PATCH", one, {"eventTypeFieldValue": "pump block"}, If_Match="1")
    assert got.status == 409


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"'])
def test_a_change_needs_the_newest_etag_and_a_stale_one_is_409(hub, device, form):
    asset, other = hub.create_asset("a"), hub.create_asset("b")
    one = f"{PATH}/{create(device, asset)['id']}"
    change = {"assetId": other}
    assert device.call("PATCH", one, change).status == 400
    assert device.call("PATCH", one, change, If_Match=form.format(0)).status == 409
    got = device.call("PATCH", one, change, If_Match=form.format(1))
    assert (got.status, got.json["eTag"], got.json["assetId"]) == (200, "2", other)
    assert got.json["eventTypeFieldValue"] == "pump block"
    assert landed(hub, device) == [other]
    assert device.call("PATCH", one, {"agentId": "0" * 32}, If_Match="2").status == 400
    assert device.call("DELETE", one).status == 400
    assert device.call("DELETE", one, If_Match=form.format(1)).status == 409
    assert device.call("DELETE", one, If_Match=form.format(2)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        got = device.call(method, one, {} if method == "PATCH" else None, If_Match="2")
        assert got.status == 404


def test_lists_know_the_agent_as_filter_alone(hub, device):
    other, asset = onboarded(hub, "other"), hub.create_asset("a")
    create(device, asset, eventTypeFieldValue="b")
    create(device, asset, eventTypeFieldValue="a")
    create(other, asset)
    operator = Application(hub)

    def values(caller, query=""):
        got = caller.call("GET", f"{PATH}?{query}")
        assert got.status == 200, got.body
        return [one["eventTypeFieldValue"] for one in got.json["content"]]

    mine = "filter=" + quote(json.dumps({"agentId": device.id}))
    assert values(operator) == ["b", "a", "pump block"]
    assert values(operator, mine) == ["b", "a"]
    assert values(operator, mine + "&sort=eventTypeFieldValue") == ["a", "b"]
    assert values(device) == ["b", "a"]
    assert operator.call("GET", PATH + "?filter=" + quote('{"assetId":"x"}')).status == 400
    assert operator.call("GET", PATH + "?size=1&page=1").json["totalPages"] == 3


def test_rights_and_tenants(hub, device):
    asset, other = hub.create_asset("a"), onboarded(hub, "other")
    one = f"{PATH}/{create(device, asset)['id']}"
    assert other.call("POST", PATH, mapping(device, asset)).status == 403
    for method in ("GET", "PATCH", "DELETE"):
        assert other.call(method, one, If_Match="1", body="{}").status == 403
    neighbour = Application(hub, tenant="otherdev")
    assert neighbour.call("GET", one).status == 403
    assert neighbour.call("GET", PATH).json["content"] == []
    assert neighbour.call("POST", PATH, mapping(device, asset)).status == 403
    foreign = neighbour.call(
        "POST",
        "/api/assetmanagement/v3/assets",
        {
            "name": "theirs",
            "typeId": "core.basicdevice",
            "parentId": neighbour.call("GET", "/api/assetmanagement/v3/assets/root").json[
                "assetId"
            ],
        },
    ).json["assetId"]
    got = device.call("POST", PATH, mapping(device, foreign))
    assert got.status == 403
    assert call(hub.url, "GET", PATH).json["errors"][0]["message"]  # 401 in the same shape
    hub.change_settings(denied_to_agents="evt.map.c")
    assert device.call("POST", PATH, mapping(device, asset)).status == 403


# -- the plans ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "most"), [("XXS", 2), *((plan, 50) for plan in ("XS", "S", "M", "L", "XL"))]
)
def test_a_plan_limits_the_mappings_of_an_agent(hub, device, plan, most):
    hub.change_settings(plan=plan)
    asset, other = hub.create_asset("a"), onboarded(hub, "other")
    for number in range(most):
        create(
            device, asset, eventTypeId=f"localdev.t{number // 5}", eventTypeFieldValue=f"{number}"
        )
    one_more = mapping(device, asset, eventTypeId="localdev.more")
    got = device.call("POST", PATH, one_more)
    assert got.status == 400
    assert f"Plan {plan} allows {most} event mappings" in got.json["errors"][0]["message"]
    hub.change_settings(plan_limit_status=409)
    assert device.call("POST", PATH, one_more).status == 409
    create(other, asset)  # each agent has its own
    hub.change_settings(plan="none")
    create(device, asset, eventTypeId="localdev.more")


@pytest.mark.parametrize("plan", ["XS", "S", "M", "L", "XL"])
def test_a_plan_limits_the_mappings_of_an_agent_for_one_type(hub, device, plan):
    hub.change_settings(plan=plan)
    asset = hub.create_asset("a")
    for number in range(5):
        create(device, asset, eventTypeFieldValue=f"{number}")
    assert device.call("POST", PATH, mapping(device, asset)).status == 400
    other = create(device, asset, eventTypeId="localdev.other")
    one = f"{PATH}/{other['id']}"
    assert device.call("PATCH", one, {"eventTypeId": TYPE}, If_Match="1").status == 400
    # A change that makes no more of them passes at the limit.
    (first, *_) = device.call("GET", PATH).json["content"]
    got = device.call(
        "PATCH", f"{PATH}/{first['id']}", {"eventTypeFieldValue": "new"}, If_Match="1"
    )
    assert got.status == 200


def test_without_a_plan_nothing_is_refused_and_beyond_the_smallest_is_noted(hub, device):
    asset = hub.create_asset("a")
    for number in range(51):
        create(device, asset, eventTypeFieldValue=f"{number}")
        assert bool(hub.breaches()) == (number >= 2)
    said = hub.breaches()[-1]
    assert said["switch"] == "plan"
    assert "51 event mappings of one agent for one event type" not in hub.breaches()[-2]["what"]
    assert f"agent {device.id}: 51 event mappings of one agent" in hub.breaches()[-2]["what"]


def test_a_new_database_knows_them_after_a_restart(tmp_path):
    with Emulator(tls=False, data=tmp_path, settings={"processing_delay_s": 0.0}) as hub:
        device = onboarded(hub)
        asset = hub.create_asset("a")
        create(device, asset)
    with Emulator(tls=False, data=tmp_path, settings={"processing_delay_s": 0.0}) as hub:
        device.hub = hub
        assert landed(hub, device) == [asset]
