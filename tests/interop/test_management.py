"""The Node client's agent management, MindConnect API and diagnostics, with service credentials."""

import json

import pytest

from .node import COLLECT, NodeError, date
from .operations import shows
from .test_agent import machine, mappings
from .world import POINTS, T0, configuration, values

AGENTS = "/api/agentmanagement/v3/agents"
CONNECT = "/api/mindconnect/v3/"


@pytest.fixture
def sdk(world):
    return world.sdk()


@pytest.fixture
def agents(sdk):
    return sdk.client("GetAgentManagementClient")


def agent_asset(sdk, name):
    """Make the asset of an agent as the client's own set-up does: type core.mclib."""
    assets = sdk.client("GetAssetManagementClient")
    root = assets.call("GetRootAsset")["assetId"]
    made = assets.call(
        "PostAsset", {"name": name, "parentId": root, "typeId": "core.mclib", "description": ""}
    )
    return made["assetId"]


@shows(
    "AgentManagementClient.PostAgent",
    "AgentManagementClient.GetAgent",
    "AgentManagementClient.GetAgents",
    "AgentManagementClient.PutAgent",
    "AgentManagementClient.DeleteAgent",
    "AgentManagementClient.GetBoardingConfiguration",
    "AgentManagementClient.GetOnboardingStatus",
    "AgentManagementClient.GetAgentOnlineStatus",
    "AgentManagementClient.OffboardAgent",
    compared="an agent's whole life by REST: made on its asset, boarded, ONLINE, offboarded, renamed, deleted",
)
def test_the_life_of_an_agent(world, sdk, agents):
    asset = agent_asset(sdk, "press-09")
    wanted = {"name": "press-09", "entityId": asset, "securityProfile": "SHARED_SECRET"}
    made = agents.call("PostAgent", wanted)
    ident = made["id"]
    there = world.plain.get("%s/%s" % (AGENTS, ident))
    assert there == made == agents.call("GetAgent", ident)
    assert {name: there[name] for name in wanted} == wanted
    page = agents.call("GetAgents", {"filter": json.dumps({"name": "press-09"}), "size": 5})
    assert [line["id"] for line in page["content"]] == [ident]
    assert agents.call("GetOnboardingStatus", ident) == {"status": "NOT_ONBOARDED"}
    boarding = agents.call("GetBoardingConfiguration", ident, {"retry": 3})
    assert boarding["content"]["clientId"] == ident
    assert agents.call("GetOnboardingStatus", ident) == {"status": "ONBOARDING"}
    device = world.agent(boarding)
    device.call("OnBoard")
    device.call("GetToken")
    status = agents.call("GetAgentOnlineStatus", ident)
    assert status == world.plain.get("%s/%s/status" % (AGENTS, ident))
    assert status["status"] == "ONLINE"
    assert agents.call("OffboardAgent", ident)["status"] == "NOT_ONBOARDED"
    assert world.plain.get("%s/%s/boarding/status" % (AGENTS, ident))["status"] == "NOT_ONBOARDED"
    renamed = {"name": "press-10", "securityProfile": "RSA_3072"}
    changed = agents.call("PutAgent", ident, renamed, {"ifMatch": made["eTag"]})
    assert world.plain.get("%s/%s" % (AGENTS, ident))["name"] == "press-10"
    with pytest.raises(NodeError, match="Precondition Failed"):
        agents.call("DeleteAgent", ident, {"ifMatch": made["eTag"]})
    agents.call("DeleteAgent", ident, {"ifMatch": changed["eTag"]})
    assert world.plain.status("%s/%s" % (AGENTS, ident)) == 404


@shows(
    "AgentManagementClient.PutDataSourceConfiguration",
    "AgentManagementClient.GetDataSourceConfiguration",
    "MindConnectApiClient.PostDataPointMapping",
    "MindConnectApiClient.GetDataPointMappings",
    "MindConnectApiClient.GetDataPointMapping",
    "MindConnectApiClient.DeleteDataMapping",
    compared="configuration and mappings by REST, made by an operator; a kept one stays over a new configuration",
)
def test_an_operator_configures_and_maps(world, sdk, agents):
    ident = world.hub.create_agent("press-07")["content"]["clientId"]
    put = agents.call("PutDataSourceConfiguration", ident, configuration(), {"ifMatch": "0"})
    assert agents.call("GetDataSourceConfiguration", ident) == put
    assert world.plain.get("%s/%s/dataSourceConfiguration" % (AGENTS, ident)) == put
    api = sdk.client("GetMindConnectApiClient")
    wanted = mappings(ident, machine(world))
    wanted[0]["keepMapping"] = False
    for mapping in wanted:
        api.call("PostDataPointMapping", mapping)
    with pytest.raises(NodeError, match="Conflict"):
        api.call("PostDataPointMapping", wanted[0])
    api.call("PostDataPointMapping", wanted[0], {"noAgentValidation": True, "ignoreCodes": [409]})
    own = json.dumps({"agentId": ident})
    page = api.call("GetDataPointMappings", {"filter": own, "size": 2, "sort": "dataPointId"})
    assert page == world.plain.get(
        CONNECT + "dataPointMappings", filter=own, size=2, sort="dataPointId"
    )
    assert (page["totalElements"], page["totalPages"], page["last"]) == (3, 2, False)
    first = page["content"][0]
    assert api.call("GetDataPointMapping", first["id"]) == first
    api.call("DeleteDataMapping", first["id"])
    with pytest.raises(NodeError, match="Not Found"):
        api.call("GetDataPointMapping", first["id"])
    api.call("DeleteDataMapping", first["id"], {"ignoreCodes": [404]})
    agents.call(
        "PutDataSourceConfiguration", ident, configuration("next"), {"ifMatch": put["eTag"]}
    )
    left = api.call("GetDataPointMappings", {"filter": own})["content"]
    assert [line["dataPointId"] for line in left] == ["strokes"]
    assert {name for name, _kind, _unit in POINTS} == {"temperature", "strokes", "running"}


@shows(
    "MindConnectApiClient.PostDiagnosticActivation",
    "MindConnectApiClient.GetDiagnosticActivations",
    "MindConnectApiClient.GetDiagnosticActivation",
    "MindConnectApiClient.PutDiagnosticActivation",
    "MindConnectApiClient.GetDiagnosticActivationMessages",
    "MindConnectApiClient.GetAllDiagnosticInformation",
    "MindConnectApiClient.GetDiagnosticInformation",
    "MindConnectApiClient.DeleteDiagnosticActivation",
    "MindConnectApiClient.DeleteAllDiagnosticActivations",
    compared="activation by agent id, five at most; messages of a dropped sample by REST; none after the end",
)
def test_diagnostics_by_the_api_client(world, sdk):
    api = sdk.client("GetMindConnectApiClient")
    agent, ident = world.ready(automap=False)
    made = api.call("PostDiagnosticActivation", ident)
    assert made["status"] == "ACTIVE"
    assert api.call("GetDiagnosticActivation", made["id"]) == made
    assert world.plain.get(CONNECT + "diagnosticActivations/" + made["id"]) == made
    with pytest.raises(NodeError, match="Conflict"):
        api.call("PostDiagnosticActivation", ident)
    post_a_bad_sample(agent)
    world.hub.settle()
    # The client's own tests take the agent's id for the activation's.
    messages = api.call("GetDiagnosticActivationMessages", ident, {"size": 50})
    assert messages == world.plain.get(
        CONNECT + "diagnosticActivations/%s/messages" % made["id"], size=50
    )
    assert "DROPPED" in {line["state"] for line in messages["content"]}
    assert {"TIMESERIES"} == {line["source"] for line in messages["content"]}
    everything = api.call("GetAllDiagnosticInformation", ident, COLLECT, {}, False)
    assert everything["totalElements"] == messages["totalElements"]
    collected = [line for page in world.node.collected for line in page]
    assert len(collected) == messages["totalElements"]
    old = api.call("GetDiagnosticInformation", {"filter": json.dumps({"agentId": ident})})
    assert {line["agentId"] for line in old["content"]} == {ident}
    off = api.call("PutDiagnosticActivation", made["id"], {"agentId": ident, "status": "INACTIVE"})
    assert off["status"] == "INACTIVE"
    api.call("DeleteDiagnosticActivation", ident)
    assert api.call("GetDiagnosticActivations")["content"] == []
    others = [world.hub.create_agent("press-%d" % n)["content"]["clientId"] for n in range(20, 26)]
    for other in others[:5]:
        api.call("PostDiagnosticActivation", other)
    with pytest.raises(NodeError, match="agent limitation"):
        api.call("PostDiagnosticActivation", others[5])
    assert len(api.call("GetDiagnosticActivations")["content"]) == 5
    api.call("DeleteAllDiagnosticActivations")
    assert world.plain.get(CONNECT + "diagnosticActivations")["totalElements"] == 0


def post_a_bad_sample(agent):
    """As the client's own diagnostic test: a point that is unknown, text that is no number."""
    bad = [{"dataPointId": "Unexistent", "qualityCode": "123123135", "value": "1.2.3"}]
    assert agent.call("PostData", bad, date(T0), False) is True


@shows(
    "MindConnectSetup.RegisterForDiagnostic",
    "MindConnectSetup.GetDiagnosticActivations",
    "MindConnectSetup.GetDiagnosticInformation",
    "MindConnectSetup.GetPagedInforamtion",
    "MindConnectSetup.DeleteDiagnostic",
    "MindConnectSetup.DeleteActivation",
    "MindConnectSetup.DeleteAllDiagnosticActivations",
    compared="as above by the older class: registered, 120 messages in pages of 50, unregistered, by REST",
)
def test_diagnostics_by_the_setup_class(world):
    given = world.credentials()
    setup = world.node.make(
        "MindConnectSetup", given["gateway"], given["basicAuth"], given["tenant"]
    )
    agent, ident = world.ready(automap=False)
    assert setup.call("RegisterForDiagnostic", ident)["agentId"] == ident
    activations = setup.call("GetDiagnosticActivations")
    assert [line["agentId"] for line in activations["content"]] == [ident]
    rows = [
        {"timestamp": "2026-01-05T08:00:%02d.000Z" % second, "values": values(strokes="1")}
        for second in range(40)
    ]
    for row in rows:
        agent.call("BulkPostData", [row], False)
    world.hub.settle()
    first = setup.call("GetPagedInforamtion", 0, ident)
    assert first == world.plain.get(
        CONNECT + "diagnosticInformation", size=50, page=0, filter=json.dumps({"agentId": ident})
    )
    assert first["totalElements"] >= 120
    assert first["numberOfElements"] == 50
    last = setup.call("GetDiagnosticInformation", ident, COLLECT, {}, False)
    assert last["last"] is True
    assert sum(len(page) for page in world.node.collected) == first["totalElements"]
    assert setup.call("DeleteDiagnostic", ident) is True
    with pytest.raises(NodeError, match="no such agent"):
        setup.call("DeleteDiagnostic", ident)
    again = setup.call("RegisterForDiagnostic", ident)
    assert setup.call("DeleteActivation", again["id"]) is True
    setup.call("RegisterForDiagnostic", ident)
    setup.call("DeleteAllDiagnosticActivations")
    assert world.plain.get(CONNECT + "diagnosticActivations")["totalElements"] == 0


@shows(
    "MindConnectSetup.GetAgentStatus",
    "MindConnectSetup.GetBoardingStatus",
    "MindConnectSetup.AcquireToken",
    "MindConnectSetup.AcquirePublicKey",
    "MindConnectSetup.ValidateToken",
    "MindConnectSetup.GetToken",
    "MindConnectSetup.RenewToken",
    "MindConnectSetup.HttpAction",
    compared="both states of an agent by REST; the token of service credentials",
)
def test_states_by_the_setup_class(world):
    given = world.credentials()
    setup = world.node.make(
        "MindConnectSetup", given["gateway"], given["basicAuth"], given["tenant"]
    )
    for method in ("AcquireToken", "AcquirePublicKey", "ValidateToken", "RenewToken"):
        assert setup.call(method) is True
    _agent, ident = world.onboarded()
    status = setup.call("GetAgentStatus", ident)
    assert status == world.plain.get("%s/%s/status" % (AGENTS, ident))
    assert setup.call("GetBoardingStatus", ident) == {"status": "ONBOARDED"}
    action = {
        "verb": "GET",
        "gateway": given["gateway"],
        "baseUrl": "%s/%s" % (AGENTS, ident),
        "authorization": setup.call("GetToken"),
    }
    assert setup.call("HttpAction", action)["id"] == ident
    with pytest.raises(NodeError, match="Bad credentials"):
        wrong = world.node.make("MindConnectSetup", world.hub.url, "Basic eDp5", "localdev")
        wrong.call("GetToken")
