"""The Node agent's credentials: both profiles, tokens, rotation, an interrupted rotation."""

import base64
import json

import pytest

from .node import NodeError
from .operations import shows
from .world import configuration, values

ONBOARDED = "ONBOARDED"


@shows(
    "MindConnectAgent.OnBoard",
    compared="boarding status ONBOARDED by REST; the credentials that it keeps are those of the answer",
)
def test_a_shared_secret_agent_is_onboarded(world):
    boarding = world.hub.create_agent("press-07")
    ident = boarding["content"]["clientId"]
    agent = world.agent(boarding)
    assert agent.call("IsOnBoarded") is False
    assert agent.call("OnBoard") == ONBOARDED
    assert agent.call("IsOnBoarded") is True
    status = world.plain.get("/api/agentmanagement/v3/agents/%s/boarding/status" % ident)
    assert status == {"status": "ONBOARDED"}
    kept = world.saved(ident)["response"]
    assert kept["client_id"] == ident
    assert kept["registration_client_uri"] == (
        world.hub.url + "/api/agentmanagement/v3/register/" + ident
    )
    assert kept["client_secret"]


@shows(
    "MindConnectAgent.OnBoard (RSA_3072)",
    compared="onboarded, token by RS384, rotation with the same key, a sample stored",
)
def test_an_rsa_agent_is_onboarded_sends_and_rotates(world, rsa_key):
    boarding = world.hub.create_agent("press-07", "RSA_3072", automap=True)
    ident = boarding["content"]["clientId"]
    agent = world.agent(boarding)
    agent.call("SetupAgentCertificate", rsa_key)
    assert agent.call("OnBoard") == ONBOARDED
    world.node.note("MindConnectAgent.OnBoard (RSA_3072)")
    assert "client_secret" not in world.saved(ident)["response"]
    agent.call("PutDataSourceConfiguration", configuration())
    agent.call("RotateKey")
    agent.call("AquireToken")
    agent.call("PostData", values(strokes="7"))
    world.hub.settle()
    assert [line["values"] for line in world.hub.stored()] == [{"strokes": 7}]


@shows(
    "MindConnectAgent.AquireToken",
    "MindConnectAgent.GetToken",
    "MindConnectAgent.GetAgentToken",
    "MindConnectAgent.RenewToken",
    "MindConnectAgent.ValidateToken",
    "MindConnectAgent.GetCertificate",
    compared="the token's claims; the same token until it is asked anew; it opens the agent by REST",
)
def test_tokens_are_fetched_checked_and_kept(world):
    agent, ident = world.onboarded()
    assert agent.call("AquireToken") is True
    assert agent.call("ValidateToken") is True
    token = agent.call("GetToken")
    assert agent.call("RenewToken") is True
    assert agent.call("GetAgentToken") == token
    key = agent.call("GetCertificate")
    assert key["kty"] == "RSA"
    assert "\n" not in key["value"]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
    assert claims["sub"] == ident
    assert claims["ten"] == "localdev"
    assert claims["exp"] - claims["iat"] == 3600
    got = world.plain.request(
        "GET",
        "/api/agentmanagement/v3/agents/" + ident,
        headers={"Authorization": "Bearer " + token},
    )
    assert json.loads(got.data)["id"] == ident


@shows(
    "MindConnectAgent.RotateKey",
    compared="another secret, another registration token; by REST the token of two rotations ago is refused",
)
def test_keys_are_rotated(world):
    agent, ident = world.onboarded()
    answers = [world.saved(ident)["response"]]
    for _turn in range(2):
        assert agent.call("RotateKey") is True
        answers.append(world.saved(ident)["response"])
    for member in ("client_secret", "registration_access_token"):
        assert len({answer[member] for answer in answers}) == 3
    ends = [answer["client_secret_expires_at"] for answer in answers]
    assert ends == sorted(ends)
    assert agent.call("GetToken")
    refused = world.plain.request(
        "PUT",
        "/api/agentmanagement/v3/register/" + ident,
        {"client_id": ident},
        {"Authorization": "Bearer " + answers[0]["registration_access_token"]},
    )
    assert refused.status == 401


def rotation_is_due(world):
    """Make secrets so short that the client rotates at every call (25 h before their end)."""
    world.hub.change_settings(secret_life_s=24 * 3600)


@shows(
    "MindConnectAgent.RenewToken (rotation is due)",
    compared="a secret of less than 25 h is replaced by itself; the sample after it is stored",
)
def test_a_secret_near_its_end_is_replaced_by_itself(world):
    rotation_is_due(world)
    agent, ident = world.onboarded()
    before = world.saved(ident)["response"]
    agent.call("PutDataSourceConfiguration", configuration())
    agent.call("RenewToken")
    world.node.note("MindConnectAgent.RenewToken (rotation is due)")
    agent.call("PostData", values(strokes="8"))
    assert world.saved(ident)["response"]["client_secret"] != before["client_secret"]
    world.hub.settle()
    assert [line["values"] for line in world.hub.stored()] == [{"strokes": 8}]


@shows(
    "MindConnectAgent.RenewToken (interrupted rotation)",
    compared="five answers lost after they took effect; its recovery rotates, and the sample after it is stored",
)
def test_a_rotation_whose_answers_were_lost_is_recovered(world):
    rotation_is_due(world)
    agent, ident = world.onboarded()
    agent.call("PutDataSourceConfiguration", configuration())
    before = world.saved(ident)["response"]
    path = "/api/agentmanagement/v3/register/*"
    world.hub.set_faults([{"match": "PUT " + path, "action": "drop_after", "times": 5}])
    # It tries five times; each time the hub gives out other credentials, which never arrive.
    assert agent.call("RenewToken") is True
    world.node.note("MindConnectAgent.RenewToken (interrupted rotation)")
    after = world.saved(ident)
    assert after["response"]["client_secret"] != before["client_secret"]
    assert before in after["recovery"]
    world.hub.change_settings(secret_life_s=604800)
    agent.call("RotateKey")
    agent.call("PostData", values(strokes="9"))
    world.hub.settle()
    assert [line["values"] for line in world.hub.stored()] == [{"strokes": 9}]


@shows(
    "MindConnectAgent.TryRecovery",
    compared="the newest answer is damaged: an older registration token of its list rotates, a token follows",
)
def test_recovery_walks_back_to_credentials_that_still_work(world):
    agent, ident = world.onboarded()
    agent.call("RotateKey")
    agent.call("GetToken")
    # The newest answer is damaged in the file, as in the client's own test against the platform.
    state = world.directory + "/state/" + ident + ".json"
    saved = world.saved(ident)
    saved["response"]["registration_access_token"] = "damaged"
    saved["response"]["client_secret"] = "damaged"
    with open(state, "w", encoding="utf-8") as file:
        json.dump(saved, file)
    again = world.agent({"content": saved["content"]})
    with pytest.raises(NodeError, match="token_validation_failed"):
        again.call("RotateKey")
    assert again.call("TryRecovery") is True
    assert again.call("AquireToken") is True
    assert world.saved(ident)["response"]["client_secret"] != "damaged"


def test_an_offboarded_agent_gets_no_token(world):
    """The client says why: its error has the words of the answer."""
    agent, ident = world.onboarded()
    world.hub.offboard(ident)
    with pytest.raises(NodeError, match="Bad Request"):
        agent.call("AquireToken")
