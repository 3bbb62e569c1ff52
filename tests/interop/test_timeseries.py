"""The Node client's time series, bulk and aggregate clients, with service credentials."""

import base64
import json

import pytest

from .node import NodeError, octets
from .operations import shows
from .plain import text
from .test_agent import short
from .world import T0

HOUR_MS = 3_600_000
VARIABLES = {
    "rpm": {"type": "INT", "qualityCode": True},
    "temperature": {"type": "DOUBLE", "qualityCode": False},
    "state": {"type": "STRING", "length": 64, "qualityCode": False},
    "open": {"type": "BOOLEAN", "qualityCode": False},
}


@pytest.fixture
def motor(world):
    """Give an asset with an aspect `motor`."""
    return world.hub.create_asset("Press 7", {"motor": VARIABLES})


def records(count, first=T0, step_ms=1000):
    return [
        {
            "_time": text(first + number * step_ms),
            "rpm": number - 3,
            "rpm_qc": -2144075776,
            "temperature": 20 + number / 8,
            "state": "RUN ü",
            "open": number % 2 == 0,
        }
        for number in range(count)
    ]


def as_read(written):
    return [{**record, "_time": record["_time"].replace(".000Z", "Z")} for record in written]


@shows(
    "TimeSeriesClient.PutTimeSeries",
    "TimeSeriesClient.GetTimeSeries",
    compared="every value, type, quality code and time; `from` left out, `to` included; select, sort, limit",
)
def test_records_are_put_and_read(world, motor):
    client = world.sdk().client("GetTimeSeriesClient")
    written = records(10)
    client.call("PutTimeSeries", motor, "motor", written)
    assert world.stored(motor, "motor") == as_read(written)
    window = {"from": {"$date": T0}, "to": {"$date": T0 + 5000}}
    assert client.call("GetTimeSeries", motor, "motor", window) == as_read(written[1:6])
    chosen = {**window, "select": "rpm", "sort": "desc", "limit": 2}
    assert client.call("GetTimeSeries", motor, "motor", chosen) == [
        {name: record[name] for name in ("_time", "rpm", "rpm_qc")}
        for record in as_read([written[5], written[4]])
    ]
    # neither end: the newest record
    assert client.call("GetTimeSeries", motor, "motor") == as_read(written[-1:])
    # a record of the same time is replaced as a whole
    client.call("PutTimeSeries", motor, "motor", [{"_time": text(T0), "rpm": 7}])
    assert world.stored(motor, "motor", last=T0) == [{"_time": short(T0), "rpm": 7}]
    with pytest.raises(NodeError, match=r"404|6410|Not Found"):
        client.call("PutTimeSeries", motor, "motr", written)


@shows(
    "TimeSeriesClient.GetTimeSeriesBulkStyle",
    "TimeSeriesClient.GetNextRecordsBulkStyle",
    compared="2 500 records in pages of 1 000 by the Link header: all, each once; no link at the end",
)
def test_pages_are_followed_to_the_end(world, motor):
    client = world.sdk().client("GetTimeSeriesClient")
    written = records(2500, step_ms=10)
    client.call("PutTimeSeries", motor, "motor", written)
    window = {"from": text(T0 - 1), "to": text(T0 + HOUR_MS), "limit": 1000}
    page = client.call("GetTimeSeriesBulkStyle", motor, "motor", window)
    pages = [page["records"]]
    while page.get("nextRecord"):
        page = client.call("GetNextRecordsBulkStyle", page["nextRecord"])
        pages.append(page["records"])
        assert len(pages) < 5, "links without end"
    assert [len(part) for part in pages] == [1000, 1000, 500]
    assert [record for part in pages for record in part] == as_read(written)


@shows(
    "TimeSeriesClient.DeleteTimeSeries",
    compared="the records between the ends are gone, the one at `from` is not (`delete_rules` off)",
)
def test_a_range_is_deleted(world, motor):
    world.hub.change_settings(delete_rules=False)  # full hours, a week, once a day
    client = world.sdk().client("GetTimeSeriesClient")
    written = records(10)
    client.call("PutTimeSeries", motor, "motor", written)
    client.call("DeleteTimeSeries", motor, "motor", {"$date": T0}, {"$date": T0 + 8000})
    assert world.stored(motor, "motor") == as_read([written[0], written[9]])


@shows(
    "TimeSeriesAggregateClientV4.GetAggregates",
    compared="count, sum, average, extremes with their times, first and last of two intervals",
)
def test_aggregates_are_those_of_the_values(world, motor):
    sdk = world.sdk()
    written = records(120, step_ms=2000)  # four minutes from the full hour
    sdk.client("GetTimeSeriesClient").call("PutTimeSeries", motor, "motor", written)
    got = sdk.client("GetTimeSeriesAggregateClientV4").call(
        "GetAggregates",
        {
            "assetId": motor,
            "aspectName": "motor",
            "from": text(T0),
            "to": text(T0 + 240_000),
            "intervalUnit": "minute",
            "intervalValue": 2,
            "select": "temperature",
        },
    )
    assert got == world.plain.get(
        "/api/iottsaggregates/v4/aggregates",
        assetId=motor,
        aspectName="motor",
        **{"from": text(T0), "to": text(T0 + 240_000)},
        intervalUnit="minute",
        intervalValue=2,
        select="temperature",
    )
    # the start of an interval is not in it: record 0 is in none of the two
    for part, numbers in zip(got["aggregates"], (range(1, 61), range(61, 120))):
        given = [20 + number / 8 for number in numbers]
        found = part["temperature"]
        assert found["countgood"] == len(given)
        assert found["sum"] == pytest.approx(sum(given))
        assert found["average"] == pytest.approx(sum(given) / len(given))
        assert (found["minvalue"], found["maxvalue"]) == (given[0], given[-1])
        assert (found["firstvalue"], found["lastvalue"]) == (given[0], given[-1])
        assert found["mintime"] == short(T0 + numbers[0] * 2000)


@shows(
    "TimeSeriesBulkClient.PostImportJob",
    "TimeSeriesBulkClient.GetJobStatus",
    "TimeSeriesBulkClient.GetTimeSeries",
    compared="an import of a file: job SUCCESS, each record by the bulk read, also by REST",
)
def test_a_file_is_imported_in_bulk(world, motor):
    sdk = world.sdk()
    written = records(50)
    content = octets(json.dumps(written).encode())
    sdk.client("GetIoTFileClient").call("PutFile", motor, "bulk/motor.json", content)
    bulk = sdk.client("GetTimeSeriesBulkClient")
    ends = {"from": text(T0), "to": text(T0 + 49_000)}
    files = [{"filepath": "bulk/motor.json", **ends}]
    job = bulk.call(
        "PostImportJob",
        {"data": [{"entity": motor, "propertySetName": "motor", "timeseriesFiles": files}]},
    )
    assert job["id"]
    assert bulk.call("GetJobStatus", job["id"])["status"] == "SUCCESS"
    ends = (text(T0 - 1), text(T0 + HOUR_MS))
    assert bulk.call("GetTimeSeries", motor, "motor", *ends)["records"] == as_read(written)
    assert world.plain.get(
        "/api/iottsbulk/v3/timeseries/%s/motor" % motor, **{"from": ends[0], "to": ends[1]}
    )["records"] == as_read(written)


@shows(
    "MindSphereSdk.GetToken",
    "MindSphereSdk.RenewToken",
    "MindSphereSdk.HttpAction",
    compared="claims and life of the token; the same one until it ends; a request with it by REST",
)
def test_service_credentials_get_a_token(world):
    sdk = world.sdk()
    token = sdk.call("GetToken")
    assert sdk.call("RenewToken") is True
    assert sdk.call("GetToken") == token
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==="))
    assert claims["ten"] == "localdev"
    assert claims["exp"] - claims["iat"] == 1799
    root = {
        "verb": "GET",
        "gateway": world.hub.url,
        "baseUrl": "/api/assetmanagement/v3/assets/root",
        "authorization": token,
        "message": "root",
    }
    found = sdk.call("HttpAction", root)
    assert found["assetId"] == world.plain.get("/api/assetmanagement/v3/assets/root")["assetId"]


@shows(
    "TokenManagerAuth.AcquireToken",
    "TokenManagerAuth.AcquirePublicKey",
    "TokenManagerAuth.ValidateToken",
    "TokenManagerAuth.GetToken",
    "TokenManagerAuth.RenewToken",
    "TokenManagerAuth.HttpAction",
    compared="an application's token: its signature by the client, its tenant, a request with it",
)
def test_application_credentials_get_a_token(world):
    given = world.credentials(app=True)
    app = world.node.make(
        "TokenManagerAuth",
        given["gateway"],
        given["basicAuth"],
        given["tenant"],
        given["usertenant"],
        given["appName"],
        given["appVersion"],
    )
    assert app.call("AcquireToken") is True
    assert app.call("AcquirePublicKey") is True
    assert app.call("ValidateToken") is True
    assert app.call("RenewToken") is True
    action = {
        "verb": "GET",
        "gateway": given["gateway"],
        "baseUrl": "/api/assetmanagement/v3/assets/root",
        "authorization": app.call("GetToken"),
    }
    assert app.call("HttpAction", action)["tenantId"] == "localdev"
    # and the sdk takes the same credentials
    root = world.sdk(app=True).client("GetAssetManagementClient").call("GetRootAsset")
    assert root["tenantId"] == "localdev"
    wrong = world.node.make(
        "TokenManagerAuth",
        given["gateway"],
        "Basic " + base64.b64encode(b"localdev-interop-1.0.0:wrong").decode(),
        *("localdev", "localdev", "interop", "1.0.0"),
    )
    with pytest.raises(NodeError, match="Bad credentials"):
        wrong.call("GetToken")
