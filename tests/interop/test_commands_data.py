"""The command line of an operator: time series, aggregates, bulk, events, files."""

import json
import os
import re

import pytest

from .command import CommandFailed
from .operations import shows
from .plain import text
from .test_agent import short
from .test_events import PUMP, STANDARD, within
from .test_timeseries import VARIABLES, as_read, records
from .world import RECENT, T0

EVENTS = "/api/eventmanagement/v3/"
FILES = "/api/iotfile/v3/files/"
WINDOW = ("--from", text(T0 - 1), "--to", text(T0 + 3_600_000))


@pytest.fixture
def motor(world, mc):
    """Give an asset with data; the command line is logged in."""
    mc.log_in(world.credentials())
    asset = world.hub.create_asset("Press 7", {"motor": VARIABLES})
    written = records(120, step_ms=2000)
    path = "/api/iottimeseries/v3/timeseries/%s/motor" % asset
    assert world.plain.request("PUT", path, written).status == 204
    return asset


def loaded(mc, *names):
    with open(mc.path(os.path.join(*names)), encoding="utf-8") as file:
        return json.load(file)


@shows(
    "mc timeseries",
    "mc download-bulk",
    compared="the files that they write and the lines that they print: each record, in pages of 50",
)
def test_time_series_are_listed_and_downloaded(world, mc, motor):
    given = ("--assetid", motor, "--aspectname", "motor", *WINDOW)
    printed = mc.service("timeseries", *given, "--count", "50", "--all")
    lines = [line for line in printed.splitlines() if line.startswith("2026-")]
    assert len(lines) == 120
    assert "rpm: -3" in lines[0]
    assert "rpm_qc: -2144075776" in lines[0]
    assert "There were 120 timeseries entries" in printed
    mc.service("timeseries", *given, "--download")
    assert loaded(mc, "Press 7-motor-0-119.mdsp.json") == as_read(records(120, step_ms=2000))
    mc.service("download-bulk", *given, "--dir", "bulk", "--size", "50")
    parts = [loaded(mc, "bulk", "motor_%d.json" % number) for number in range(3)]
    assert [record for part in parts for record in part] == as_read(records(120, step_ms=2000))


@shows(
    "mc aggregates",
    compared="the file that it writes against the aggregates by REST",
)
def test_aggregates_are_downloaded(world, mc, motor):
    window = {"from": text(T0), "to": text(T0 + 240_000)}
    given = ("--assetid", motor, "--aspectname", "motor", "--select", "temperature")
    ends = ("--from", window["from"], "--to", window["to"])
    interval = ("--intervalunit", "minute", "--intervalvalue", "2")
    printed = mc.service("aggregates", *given, *ends, *interval)
    assert "2 aggregates listed" in printed
    mc.service("aggregates", *given, *ends, *interval, "--download", "out.json")
    assert loaded(mc, "out.json") == world.plain.get(
        "/api/iottsaggregates/v4/aggregates",
        assetId=motor,
        aspectName="motor",
        select="temperature",
        intervalUnit="minute",
        intervalValue=2,
        **window,
    )


@shows(
    "mc prepare-bulk",
    "mc run-bulk",
    "mc check-bulk",
    compared="its generated files imported: job SUCCESS, the file and each record by the bulk read",
)
def test_a_prepared_directory_is_imported(world, mc, motor):
    given = ("--assetid", motor, "--twintype", "performance", "--dir", "up")
    mc.service("prepare-bulk", *given, "--offset", "30", "--files", "1", "--size", "20")
    mc.service("run-bulk", "--dir", "up", "--start")
    assert "1 job(s) in status SUCCESS" in mc.service("check-bulk", "--dir", "up")
    state = loaded(mc, "up", "jobstate.json")
    (job,) = state["uploadFiles"]
    sent = loaded(mc, *os.path.relpath(mc.path(job["path"]), mc.directory).split(os.sep))
    assert json.loads(world.plain.octets(FILES + motor + "/" + job["filepath"])) == sent
    ends = {"from": "2020-01-01T00:00:00Z", "to": job["maxtime"]}
    ends["from"] = re.sub(r"T.*", "T00:00:00Z", before(job["mintime"]))
    there = world.plain.get("/api/iottsbulk/v3/timeseries/%s/motor" % motor, **ends)["records"]
    assert [record["_time"].replace("Z", "") for record in there] == [
        record["_time"].replace(".000Z", "").replace("Z", "") for record in sent
    ]
    for record, given in zip(there, sent):
        assert record["rpm"] == int(given["rpm"])
        assert record["temperature"] == float(given["temperature"])
        assert record["state"] == given["state"]


def before(moment):
    from datetime import datetime, timedelta

    given = datetime.fromisoformat(moment.replace("Z", "+00:00"))
    return (given - timedelta(days=1)).isoformat()


@shows(
    "mc events",
    "mc events-bulk",
    compared="an event from a file by REST; listed; downloaded as it is; deleted by a job that is checked",
)
def test_events_are_made_listed_downloaded_and_deleted(world, mc, motor):
    event = {
        "typeId": STANDARD,
        "entityId": motor,
        "timestamp": text(RECENT),
        "severity": 20,
        "description": "overtemperature",
        "source": "drive 4",
        "code": "E-117",
        "acknowledged": False,
    }
    printed = mc.service(
        "events", "--mode", "create", "--file", mc.write("e.json", json.dumps(event))
    )
    ident = re.search(r"creted event\s+(\S+)", printed).group(1)
    there = world.plain.get(EVENTS + "events/" + ident)
    assert {name: there[name] for name in event} == event
    wanted = within(motor)
    printed = mc.service("events", "--filter", wanted)
    assert "%s Press 7 (%s) Error MSE %s overtemperature" % (ident, motor, text(RECENT)) in printed
    assert json.loads(mc.service("events", "--mode", "info", "--eventid", ident)) == there
    mc.service("events-bulk", "--filter", mc.write("f.json", wanted), "--dir", "down")
    assert loaded(mc, "down", "events_0.json")["events"] == [there]
    given = json.dumps({**json.loads(wanted), "typeId": STANDARD})
    printed = mc.service("events-bulk", "--mode", "delete", "--filter", mc.write("f.json", given))
    job = re.search(r"job with id (\S+) is in state", printed).group(1)
    assert "is in state FINISHED" in mc.service("events-bulk", "--mode", "check", "--jobid", job)
    assert world.plain.status(EVENTS + "events/" + ident) == 404
    again = mc.service("events", "--mode", "create", "--file", mc.path("e.json"))
    other = re.search(r"creted event\s+(\S+)", again).group(1)
    mc.service("events", "--mode", "delete", "--eventid", other)
    assert world.plain.status(EVENTS + "events/" + other) == 404


@shows(
    "mc event-types",
    compared="a type from a file by REST; listed; shown; deleted",
)
def test_event_types_by_command(world, mc, motor):
    path = EVENTS + "eventTypes/localdev.PumpEvent"
    mc.service("event-types", "--mode", "create", "--file", mc.write("t.json", json.dumps(PUMP)))
    there = world.plain.get(path)
    assert {name: there[name] for name in PUMP} == PUMP
    printed = mc.service("event-types", "--mode", "list", "--eventtype", "Pump", "--idonly")
    assert "localdev.PumpEvent" in printed.splitlines()
    given = ("--eventtype", "localdev.PumpEvent")
    assert json.loads(mc.service("event-types", "--mode", "info", *given)) == there
    mc.service("event-types", "--mode", "delete", *given)
    assert world.plain.status(path) == 404


@shows(
    "mc list-files",
    "mc download-file",
    "mc delete-file",
    compared="the name in the list; the bytes in the file; 404 after the deletion",
)
def test_files_are_listed_downloaded_and_deleted(world, mc, motor):
    put = world.plain.request("PUT", FILES + motor + "/logs/a.txt", b"first\x00\xff")
    assert put.status == 201
    assert re.search(r"0\s+7.00B\s+logs/a.txt", mc.service("list-files", "--assetid", motor))
    given = ("--assetid", motor, "--file", "logs/a.txt")
    assert "successfully downloaded" in mc.service("download-file", *given)
    with open(mc.path("a.txt"), "rb") as file:
        assert file.read() == b"first\x00\xff"
    assert "sucessfully deleted" in mc.service("delete-file", *given)
    assert world.plain.status(FILES + motor + "/logs/a.txt") == 404
    with pytest.raises(CommandFailed, match="There were 0 files found"):
        mc.service("delete-file", *given)


def test_times_of_the_page_are_those_of_the_service():
    """What `short` leaves out is what the time series service leaves out."""
    assert short(T0) == "2026-01-05T08:00:00Z"
