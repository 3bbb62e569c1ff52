"""The command line of an agent: boarding file in, data and files out."""

import base64
import hashlib
import json
import re

from .operations import shows
from .plain import text
from .test_agent import PLANT, asset_named, short
from .world import RECENT, T0, configuration

AGENTS = "/api/agentmanagement/v3/agents/"
FILES = "/api/iotfile/v3/files/"


def boarded(world, mc, automap=True):
    """Onboard an agent by the command line; give its id and its boarding file."""
    boarding = world.hub.create_agent("press-07", automap=automap)
    path = mc.write("agentconfig.json", json.dumps(boarding))
    assert "was succesfully onboarded" in mc("onboard", "--config", path)
    return boarding["content"]["clientId"], path


def configured(world, mc):
    """Onboard an agent whose points are mapped; the operator put its configuration."""
    ident, path = boarded(world, mc)
    put = world.plain.request(
        "PUT",
        AGENTS + ident + "/dataSourceConfiguration",
        configuration(),
        {"If-Match": "0"},
    )
    assert put.status == 200
    return ident, path


@shows(
    "mc onboard",
    "mc agent-token",
    "mc offboard-agent",
    "mc renew-agent",
    "mc agent-status",
    compared="boarding status by REST after each; the token's claims; onboarded again with the renewed file",
)
def test_the_boarding_commands(world, mc):
    ident, path = boarded(world, mc)
    status = AGENTS + ident + "/boarding/status"
    assert world.plain.get(status)["status"] == "ONBOARDED"
    assert "already onboarded" in mc("onboard", "--config", path)
    token = mc("agent-token", "--config", path).strip().splitlines()[-1]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
    assert claims["sub"] == ident
    mc.log_in(world.credentials(app=True))
    shown = mc.service("agent-status", "--config", path)
    assert "Online Status: ONLINE" in shown
    assert "Agent is ONBOARDED" in shown
    assert "Agent offboarded" in mc.service("offboard-agent", "--config", path)
    assert world.plain.get(status)["status"] == "NOT_ONBOARDED"
    assert "configuration renewed" in mc.service("renew-agent", "--config", path)
    assert world.plain.get(status)["status"] == "ONBOARDING"
    assert "was succesfully onboarded" in mc("onboard", "--config", path)
    assert world.plain.get(status)["status"] == "ONBOARDED"


@shows(
    "mc onboard (RSA_3072)",
    compared="with a key of its own: boarding status by REST, and a token",
)
def test_an_rsa_agent_by_command(world, mc, rsa_key):
    boarding = world.hub.create_agent("press-07", "RSA_3072")
    path = mc.write("agentconfig.json", json.dumps(boarding))
    key = mc.write("private.key", rsa_key)
    assert "succesfully onboarded" in mc("onboard", "--config", path, "--cert", key)
    mc.used.append("mc onboard (RSA_3072)")
    status = AGENTS + boarding["content"]["clientId"] + "/boarding/status"
    assert world.plain.get(status)["status"] == "ONBOARDED"
    assert mc("agent-token", "--config", path, "--cert", key).count(".") == 2


@shows(
    "mc upload-timeseries",
    compared="450 rows of CSV in posts of 150: every value, time and quality code by REST",
)
def test_rows_of_csv_are_uploaded(world, mc):
    ident, path = configured(world, mc)
    rows = ["timestamp, dataPointId, qualityCode, value"]
    for number in range(150):
        moment = text(T0 + number * 1000)
        rows.append("%s, temperature, 0, %s" % (moment, 20 + number / 8))
        rows.append("%s, strokes, 0, %d" % (moment, number))
        rows.append("%s, running, 192, %s" % (moment, "true" if number % 2 else "false"))
    csv = mc.write("rows.csv", "\n".join(rows) + "\n")
    # It cuts by rows: a post that ended inside a sample would leave half of it, where the second half
    # replaces the first (`replace_records`). Three rows are a sample.
    mc("upload-timeseries", "--config", path, "--file", csv, "--size", "150")
    stored = world.stored(ident)
    assert stored == [
        {
            "_time": short(T0 + number * 1000),
            "temperature": 20 + number / 8,
            "temperature_qc": 0,
            "strokes": number,
            "strokes_qc": 0,
            "running": number % 2 == 1,
            "running_qc": 192,
        }
        for number in range(150)
    ]


@shows(
    "mc upload-file",
    compared="bytes, MD5, type and description by REST: small by the agent, 9 MB in parts by the service",
)
def test_files_are_uploaded_by_command(world, mc):
    ident, path = boarded(world, mc)
    small = mc.write("boot.log", "line 1\nline 2\n")
    printed = mc("upload-file", "--config", path, "--file", small, "--desc", "boot log")
    assert hashlib.md5(b"line 1\nline 2\n").hexdigest() in printed
    assert world.plain.octets(FILES + ident + "/boot.log") == b"line 1\nline 2\n"
    (there,) = world.plain.get(FILES + ident)
    assert (there["type"], there["description"]) == ("text/plain", "boot log")
    large = "0123456789abcdef" * (9 * 65536)
    given = mc.write("trace.txt", large)
    mc.log_in(world.credentials())
    asset = world.hub.create_asset("Press 7")
    printed = mc.service(
        *("upload-file", "--file", given, "--assetid", asset, "--chunked"),
        *("--filepath", "traces/trace.txt", "--mime", "text/x-trace"),
    )
    assert hashlib.md5(large.encode()).hexdigest() in printed
    assert world.plain.octets(FILES + asset + "/traces/trace.txt") == large.encode()
    assert world.plain.get(FILES + asset)[0]["type"] == "text/x-trace"


@shows(
    "mc create-event",
    compared="every member by REST: by the agent on its asset, by the service on another",
)
def test_events_are_created_by_command(world, mc):
    ident, path = boarded(world, mc)
    printed = mc(
        *("create-event", "--config", path, "--desc", "Warning!", "--severity", "30"),
        *("--sourceId", "press-07", "--source", "pump block", "--timestamp", text(RECENT)),
    )
    assert "was succesfully created" in printed
    assert event_on(world, ident) == {
        "entityId": ident,
        "sourceType": "MindConnect-Agent",
        "sourceId": "press-07",
        "source": "pump block",
        "severity": 30,
        "timestamp": text(RECENT),
        "description": "Warning!",
    }
    mc.log_in(world.credentials())
    asset = world.hub.create_asset("Press 7")
    mc.service("create-event", "--assetid", asset, "--desc", "here", "--timestamp", text(RECENT))
    assert event_on(world, asset)["description"] == "here"


def event_on(world, asset):
    wanted = json.dumps({"entityId": asset, "timestamp": {"after": text(RECENT - 1)}})
    page = world.plain.get("/api/eventmanagement/v3/events", filter=wanted)
    (event,) = page["_embedded"]["events"]
    names = (
        "entityId",
        "sourceType",
        "sourceId",
        "source",
        "severity",
        "timestamp",
        "description",
    )
    return {name: event[name] for name in names}


@shows(
    "mc configure-agent",
    compared="configuration and mappings of an asset's type by REST; its test samples stored; mappings deleted",
)
def test_an_agent_is_configured_by_command(world, mc):
    world.hub.seed(PLANT)
    asset = asset_named(world, "Press 7")
    ident, path = boarded(world, mc, automap=False)
    printed = mc("configure-agent", "--config", path, "--assetid", asset)
    assert "Mappings count: 2" in printed
    page = world.plain.get("/api/mindconnect/v3/dataPointMappings")
    assert sorted(
        (line["dataPointId"], line["entityId"], line["propertyName"]) for line in page["content"]
    ) == [("DP-rpm", asset, "rpm"), ("DP-state", asset, "state")]
    printed = mc("configure-agent", "--config", path, "--mode", "print")
    assert re.search(r"DP-rpm rpm \(LONG\) 1/min", printed)
    # `--count` and `--config` share a short name in the client: the long one counts.
    printed = mc("configure-agent", "--config", path, "--mode", "test", "--count", "5")
    assert "Injected a bulk message with 5 timestamps" in printed
    world.hub.settle()
    assert [set(line["values"]) for line in world.hub.stored(asset)] == [{"rpm", "state"}] * 5
    mc.log_in(world.credentials(app=True))
    by_operator = ("configure-agent", "--agentid", ident)
    assert "Mappings count: 0" in mc.service(*by_operator, "--mode", "delete")
    assert world.plain.get("/api/mindconnect/v3/dataPointMappings")["totalElements"] == 0
    printed = mc.service(*by_operator, "--mode", "map", "--assetid", asset)
    assert "Mappings count: 2" in printed
    printed = mc.service(*by_operator, "--typeid", "localdev.Machine")
    assert "eTag: 2" in printed


@shows(
    "mc create-agent",
    "mc service-credentials",
    "mc service-token",
    compared="asset and agent by REST; the boarding file onboards; a token of both kinds of credentials",
)
def test_an_agent_is_created_by_command(world, mc):
    mc.log_in_by_command(world.credentials())
    token = mc.service("service-token").strip().splitlines()[-1]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
    assert claims["ten"] == "localdev"
    mc.log_in_by_command(world.credentials(app=True))
    assert "APP" in mc("service-credentials", "--mode", "list")
    assert mc.service("service-token").strip().splitlines()[-1].count(".") == 2
    path = mc.path("new.json")
    mc.service("create-agent", "--config", path, "--agentname", "press-11")
    with open(path, encoding="utf-8") as file:
        ident = json.load(file)["content"]["clientId"]
    there = world.plain.get(AGENTS + ident)
    assert (there["name"], there["securityProfile"]) == ("press-11", "SHARED_SECRET")
    asset = world.plain.get("/api/assetmanagement/v3/assets/" + there["entityId"])
    assert (asset["typeId"], asset["name"]) == ("core.mclib", "press-11")
    assert "succesfully onboarded" in mc("onboard", "--config", path)


@shows(
    "mc register-diagnostic",
    "mc get-diagnostic",
    "mc unregister-diagnostic",
    compared="the activation by REST; the message of a dropped value; no activation at last",
)
def test_the_diagnostic_commands(world, mc):
    ident, path = configured(world, mc)
    mc.log_in(world.credentials())
    mc.service("register-diagnostic", "--config", path)
    activations = "/api/mindconnect/v3/diagnosticActivations"
    assert [line["agentId"] for line in world.plain.get(activations)["content"]] == [ident]
    csv = mc.write("rows.csv", "timestamp,dataPointId,qualityCode,value\n%s,none,0,1\n" % text(T0))
    mc("upload-timeseries", "--config", path, "--file", csv, "--no-validation")
    world.hub.settle()
    printed = mc.service("get-diagnostic", "--config", path, "--all", "--text")
    assert "There are 1 agent(s) registered for diagnostic" in printed
    assert ",DROPPED,TIMESERIES," in printed
    mc.service("unregister-diagnostic", "--config", path)
    assert world.plain.get(activations)["totalElements"] == 0
