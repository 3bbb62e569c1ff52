"""`mcagent agents`, `mappings`, `assets`, `events` and `diagnostics`, with a tenant's credentials."""

import csv
import io
import json
import os

import pytest

import mcagent
from mcagent.cli import exits
from tests.cli.running import inside, refused
from tests.services.test_commissioning_file import PLANT

NONE = "0" * 32


@pytest.fixture
def press(tenant):
    """The commissioned press: its agent is press-7, its asset Press 7."""
    result = tenant.run("commission", "apply", tenant.file("plant.json", PLANT))
    assert result.code == 0, result
    return tenant


# -- agents


def test_an_agent_from_the_cradle_to_the_grave(tenant):
    """Made, boarded, onboarded, shown, offboarded, deleted."""
    boarding = tenant.folder / "agentconfig.json"
    dry = tenant.run("agents", "create", "gateway", "--dry-run")
    assert dry.out.startswith("would make agent gateway (SHARED_SECRET) below")
    assert tenant.json("agents", "ls")["agents"] == []
    made = tenant.json("agents", "create", "gateway", "--boarding", boarding)
    assert os.stat(boarding).st_mode & 0o777 == 0o600
    state = tenant.folder / "state"
    assert inside("onboard", boarding, "--ca", tenant.hub.ca_file, state=state).code == 0
    shown = tenant.json("agents", "show", "gateway")
    assert (shown["boarding"], shown["online"], shown["id"]) == ("ONBOARDED", "yes", made["id"])
    assert "gateway" in tenant.run("agents", "ls", "--status").out
    refused(
        tenant.run("agents", "delete", "gateway", "--yes"), exits.CONFIGURATION, "is onboarded"
    )
    assert tenant.json("agents", "offboard", "gateway", "--dry-run")["offboarded"] is False
    assert tenant.json("agents", "show", "gateway")["boarding"] == "ONBOARDED"
    assert tenant.run("agents", "delete", "gateway", "--offboard", "--dry-run").code == 0
    assert tenant.json("agents", "delete", "gateway", "--offboard", "--yes")["deleted"]
    refused(tenant.run("agents", "show", "gateway"), exits.INVALID, "no agent is called 'gateway'")
    refused(tenant.run("agents", "show", NONE), exits.REFUSED, "404")


def test_boarding_files_are_replaced_only_on_purpose(press):
    """A device may still need the one that is there."""
    path = press.file("there.json", "mine")
    would = press.json("agents", "boarding", "press-7", path, "--dry-run")
    assert (would["file"], would["boarding"]) == (None, "NOT_ONBOARDED")
    assert press.json("agents", "show", "press-7")["boarding"] == "NOT_ONBOARDED"
    refused(press.run("agents", "boarding", "press-7", path), exits.CONFIGURATION, "there already")
    assert path.read_text() == "mine"
    assert press.run("agents", "boarding", "press-7", path, "--replace").code == 0
    assert json.loads(path.read_text())["content"]["iat"]


def test_data_models_are_shown_made_and_put(press):
    """From an asset: first shown, with --id put; consent where mappings would go."""
    assert press.json("agents", "model", "press-7")["configurationId"] == "press-7-v1"
    made = press.json("agents", "model", "press-7", "--from-asset", "Press 7")
    assert [one["id"] for one in made["dataSources"][0]["dataPoints"]] == [
        "temperature",
        "strokes",
        "state",
    ]
    assert press.json("agents", "model", "press-7")["configurationId"] == "press-7-v1"
    put = ("agents", "model", "press-7", "--from-asset", "Press 7", "--id", "v2")
    refused(
        press.run(*put), exits.CONFIGURATION, "would delete 1 of its mappings", "lose-mappings"
    )
    assert press.json(*put, "--dry-run")["configurationId"] == "v2"
    assert press.json(*put, "--lose-mappings")["lost"]
    path = press.file("model.json", press.json("agents", "model", "press-7"))
    assert press.json("agents", "model", "press-7", "--put", path)["changed"] is False


# -- mappings


def test_mappings_are_generated_listed_and_deleted(press):
    """A point without a variable of its name is told; ids are deleted after consent."""
    mapped = press.json("mappings", "ls", "--agent-name", "press-7")["mappings"]
    assert [one["point"] for one in mapped] == ["P1"]
    shown = press.json("mappings", "generate", "press-7", "Press 7")["mappings"]
    assert [(one["point"], one["variable"], one["id"]) for one in shown] == [("P2", "strokes", "")]
    made = press.json("mappings", "generate", "press-7", "Press 7", "--apply")["mappings"]
    assert made[0]["id"]
    assert press.json("mappings", "generate", "press-7", "Press 7", "--apply")["mappings"] == []
    refused(press.run("mappings", "delete", made[0]["id"]), exits.USAGE, "asks first")
    assert press.run("mappings", "delete", made[0]["id"], "--dry-run").code == 0
    for more in ("--dry-run", "--yes"):
        refused(press.run("mappings", "delete", made[0]["id"], NONE, more), exits.REFUSED, "404")
    assert len(press.json("mappings", "ls")["mappings"]) == 2
    assert press.json("mappings", "delete", made[0]["id"], "--yes")["deleted"] == [made[0]["id"]]
    assert len(press.json("mappings", "ls")["mappings"]) == 1


def test_a_mapping_that_drops_values_is_told(press):
    """Another unit: made, and the exit code says that something is wrong."""
    hub_asset = press.hub.create_asset("Other", {"press": {"heat": {"type": "DOUBLE"}}})
    result = press.run("mappings", "create", "press-7", "P1", hub_asset, "press", "heat")
    assert result.code == exits.INCOMPLETE
    assert "is not valid: INVALID_UNIT" in result.err
    invalid = press.json("mappings", "ls", "--invalid")["mappings"]
    assert [one["reasons"] for one in invalid] == [["INVALID_UNIT"]]
    refused(
        press.run("mappings", "create", "press-7", "P9", "Press 7", "press", "strokes"),
        exits.REFUSED,
        "P9",
    )


def test_limits_of_the_plan_are_told_before_a_request(press):
    """P1 has its one target in the smallest plan."""
    other = press.hub.create_asset(
        "Other", {"press": {"temperature": {"type": "DOUBLE", "unit": "°C"}}}
    )
    result = press.run("mappings", "generate", "press-7", other, "--apply", "--limits", "XXS")
    refused(result, exits.INVALID, "plan XXS allows 1 variables a data point: P1 has 2")


def test_event_mappings_are_listed_made_and_deleted(press):
    """By the names of agent and asset."""
    made = press.json(
        *("mappings", "create-event", "press-7", "localdev.PressEvent", "part", "drive", "Press 7")
    )
    rows = press.json("mappings", "ls-events", "--agent-name", "press-7")["eventMappings"]
    assert [row["contains"] for row in rows] == ["pump", "drive"]
    refused(press.run("mappings", "delete-event", "x", "--yes"), exits.INVALID, "no event mapping")
    assert press.json("mappings", "delete-event", made["id"], "--yes")["deleted"]
    assert len(press.json("mappings", "ls-events")["eventMappings"]) == 1


# -- assets


def test_assets_and_types_in_every_format(press):
    """Table, CSV, NDJSON and JSON say the same."""
    rows = press.json("assets", "ls", "--parent", "Hall")["assets"]
    # The agent's own asset stands below the hall, too.
    assert sorted(row["name"] for row in rows) == ["Press 7", "press-7"]
    parsed = list(
        csv.DictReader(
            io.StringIO(press.run("assets", "ls", "--parent", "Hall", "--format", "csv").out)
        )
    )
    assert [row["id"] for row in parsed] == [row["id"] for row in rows]
    lines = press.run("assets", "ls", "--parent", "Hall", "--format", "ndjson").out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    assert "Press 7" in press.run("assets", "ls").out
    refused(press.run("assets", "ls", "--json", "--format", "csv"), exits.USAGE, "exclude")
    variables = press.json("assets", "aspects", "Press 7")["variables"]
    assert ("press", "temperature", "°C") in [
        (one["aspect"], one["variable"], one["unit"]) for one in variables
    ]
    kinds = press.json("assets", "types")["assetTypes"]
    assert "localdev.Press" in [one["id"] for one in kinds]
    assert "localdev.Plate" in [
        one["id"] for one in press.json("assets", "types", "--aspects")["aspectTypes"]
    ]
    shown = press.json("assets", "show", "Press 7")
    assert shown["aspects"] == {"plate": {"made": "1998"}}


def test_assets_are_made_and_deleted(tenant):
    """Asked first; a name with a slash never leaves."""
    made = tenant.json("assets", "create", "Hall 2", "--type", "core.basicarea")
    assert tenant.json("assets", "delete", "Hall 2", "--dry-run")["deleted"] is False
    refused(tenant.run("assets", "delete", made["id"]), exits.USAGE, "asks first")
    assert tenant.json("assets", "delete", made["id"], "--yes")["deleted"]
    refused(
        tenant.run("assets", "create", "a/b", "--type", "core.basicarea"), exits.INVALID, "'a/b'"
    )
    refused(tenant.run("assets", "show", "Hall 2"), exits.INVALID, "no asset is called 'Hall 2'")


# -- events


def test_events_are_posted_and_listed(press):
    """With the type's fields; by range, severity and limit; --dry-run posts nothing."""
    post = ("events", "post", "Press 7")
    press.run(*post, "hot", "--severity", "error", "--source", "pump", "--dry-run")
    assert press.json("events", "ls")["events"] == []
    press.json(*post, "hot", "--severity", "error", "--source", "pump", "--time", "1780000000000")
    press.json(*post, "cold", "--severity", "warning")
    press.json(*post, "--type", "localdev.PressEvent", "--field", "part=pump 3")
    rows = press.json("events", "ls", "--asset", "Press 7", "--from", "2026-01-01T00:00:00Z")
    assert [row["description"] for row in rows["events"] if row["description"]] == ["cold", "hot"]
    hour = press.json("events", "ls", "--last", "1h", "--severity", "warning")["events"]
    assert [row["description"] for row in hour] == ["cold"]
    own = press.json("events", "ls", "--type", "localdev.PressEvent")["events"]
    assert own[0]["details"] == {"part": "pump 3"}
    limited = press.json("events", "ls", "--from", "2026-01-01T00:00:00Z", "--limit", "1")
    assert len(limited["events"]) == 1
    types = {one["id"]: one for one in press.json("events", "types")["eventTypes"]}
    fields = types["localdev.PressEvent"]["fields"]
    assert [(one["name"], one["type"]) for one in fields] == [("part", "STRING"), ("mode", "ENUM")]
    assert "part STRING" in press.run("events", "types").out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("ls", "--from", "yesterday"), exits.INVALID, "--from"),
        (("ls", "--last", "yesterday"), exits.USAGE, "--last"),
        (("ls", "--last", "1h", "--from", "1780000000000"), exits.USAGE, "given twice"),
        (("ls", "--from", "1780000000000", "--to", "1770000000000"), exits.INVALID, "before it"),
        (("ls", "--severity", "bad"), exits.USAGE, "--severity 'bad'"),
        (("ls", "--limit", "0"), exits.USAGE, "--limit 0"),
        (("ls", "--asset", "Nobody"), exits.INVALID, "no asset is called 'Nobody'"),
        (("ls", "--asset", NONE), exits.REFUSED, "404"),
        (("post", "root", "x", "--field", "part"), exits.USAGE, "NAME=VALUE"),
        (("post", "root", "x", "--field", "parts=3"), exits.REFUSED, "parts is no field"),
        (("post", "root", "x", "--type", "localdev.None"), exits.REFUSED, "localdev.None"),
    ],
)
def test_bad_events_are_told(tenant, arguments, code, words):
    """One line, one hint."""
    refused(tenant.run("events", *arguments), code, words)


# -- diagnostics


def test_diagnostics_and_recoverable_records(press):
    """On, what was dropped and why, replayed after the mapping was made, off."""
    assert "diagnostics of no agent were ever on" in press.run("diagnostics", "ls").err
    assert "keeps nothing" in press.run("diagnostics", "records").err
    assert press.json("diagnostics", "on", "press-7")["active"]
    path = press.folder / "boarding.json"
    press.run("agents", "boarding", "press-7", path)
    settings = mcagent.UploadSettings(unmapped="send")
    with mcagent.Agent.open(
        str(press.folder / "state"),
        boarding=str(path),
        ca_file=press.hub.ca_file,
        upload=settings,
    ) as agent:
        agent.onboard()
        agent.record({"P1": 21.5, "P2": 7})
        assert agent.upload(timeout_s=20).pending == 0
    press.hub.settle()
    messages = press.json("diagnostics", "messages", "press-7")["messages"]
    assert any("DROPPED" in one["state"] for one in messages)
    (record,) = press.json("diagnostics", "records", "--agent-name", "press-7")["records"]
    assert "P2" in record["drop_reason"]
    for action in ("replay", "delete"):
        assert press.run("diagnostics", action, record["id"], "--dry-run").code == 0
        missing = press.run("diagnostics", action, record["id"], NONE, "--dry-run")
        refused(missing, exits.CONFIGURATION, f"no recoverable record {NONE}")
    kept = press.folder / "dropped.json"
    assert press.run("diagnostics", "download", record["id"], kept).code == 0
    values = json.loads(kept.read_text())[0]["values"]
    assert {one["dataPointId"] for one in values} == {"P1", "P2"}
    again = press.run("diagnostics", "download", record["id"], kept)
    refused(again, exits.CONFIGURATION, "is there already")
    refused(press.run("diagnostics", "download", NONE, "-"), exits.REFUSED, "404")
    press.run("mappings", "generate", "press-7", "Press 7", "--apply")
    assert press.json("diagnostics", "replay", record["id"])["replayed"] == [record["id"]]
    press.hub.settle()
    assert press.json("diagnostics", "records")["records"] == []
    assert [one["active"] for one in press.json("diagnostics", "ls")["activations"]] == [True]
    press.run("diagnostics", "off", "press-7")
    assert [one["active"] for one in press.json("diagnostics", "ls")["activations"]] == [False]
    refused(press.run("diagnostics", "delete", record["id"]), exits.USAGE, "asks first")
    assert press.run("diagnostics", "delete", record["id"], "--yes").code == 0


@pytest.mark.parametrize(
    ("scopes", "command", "missing", "role"),
    [
        ([], ("agents", "ls"), "agm.r", "agentmanagement.fullaccess"),
        ([], ("mappings", "ls"), "map.r", "mindconnect.fullaccess"),
        ([], ("mappings", "ls-events"), "evt.map.r", "mindconnect.fullaccess"),
        ([], ("assets", "ls"), "asm.r", "assetmanagement.standarduser"),
        ([], ("events", "ls"), "em.r", "em.eventviewer"),
        ([], ("diagnostics", "ls"), "da.r", "mindconnect.fullaccess"),
        ([], ("diagnostics", "records"), "rec.r", "mindconnect.fullaccess"),
        (["asm.r"], ("files", "ls", "root"), "iot.fil.r", "iot.filUser"),
        (
            ["asm.r"],
            ("assets", "create", "x", "--type", "core.basicarea"),
            "asm.c",
            "assetmanagement.admin",
        ),
        (["asm.r"], ("events", "post", "root", "x"), "em.c", "em.eventcreator"),
    ],
)
def test_a_missing_scope_is_named_with_its_role(tenant, scopes, command, missing, role):
    """What to ask the administrator for; with the role it is allowed."""
    tenant.allow(scopes)
    refused(
        tenant.run(*command),
        exits.REFUSED,
        f"the scope {missing} is missing",
        f"ask the tenant's administrator for {missing} (role mdsp:core:{role}",
    )
    tenant.allow([*scopes, f"mdsp:core:{role}"])
    assert "is missing" not in tenant.run(*command).err
