"""Every public name, used as a device script would. Type-checked by mypy strict, never run."""

import datetime as dt
from typing import Any

import mcagent
from mcagent import (
    Agent,
    AgentError,
    BufferFull,
    BufferSettings,
    ClockError,
    ConfigurationError,
    CredentialError,
    CustomData,
    DataModel,
    DataPoint,
    DataSource,
    Event,
    File,
    InvalidMessage,
    LaneSettings,
    NotOnboarded,
    OnboardingRefused,
    Receipt,
    RemoteError,
    RotationFailed,
    Severity,
    TimeSeries,
    TransportError,
    UploadSettings,
    log_to_stderr,
)

log_to_stderr()

version: str = mcagent.__version__

model = DataModel(
    "press-7",
    [
        DataSource(
            "press",
            [
                DataPoint("temperature", "DOUBLE", unit="°C", name="Oil temperature"),
                DataPoint("label", "STRING", length=20, custom_data={"register": "40021"}),
            ],
            description="pump block",
        )
    ],
)
now = dt.datetime.now(dt.timezone.utc)


def record(agent: Agent) -> None:
    receipt: Receipt = agent.record({"temperature": 21.4}, durable=True)
    stored: bool = receipt.durable or receipt.delivered
    state: str = receipt.state
    print(receipt.lane, receipt.sequence, stored, state)
    agent.record({"temperature": 21.4}, timestamp=now, quality_code=0)
    agent.record(
        {"temperature": 21.4}, timestamp=1_790_000_000_000, quality_code={"temperature": 0}
    )
    count: int = agent.record_many([(now, {"temperature": 21.5}), (1, {"temperature": 21.6})])
    print(count)
    agent.flush()


def submit(agent: Agent) -> None:
    receipts: list[Receipt] = [
        agent.submit(model),
        agent.submit(TimeSeries({"temperature": 1}, timestamp=now, quality_code="0")),
        agent.submit(Event("coolant low", severity=Severity.WARNING, details={"source": "press"})),
        agent.submit(Event("stopped", severity=Severity.ERROR, type="tenant.Stop", version="1.0")),
        agent.submit(File("report.pdf", type="application/pdf")),
        agent.submit(File(b"a,b\n", name="values.csv")),
        agent.submit(CustomData("recipe", {"steps": [1, 2]}, version="1.0")),
    ]
    print(receipts)


def upload(agent: Agent) -> None:
    report = agent.upload(timeout_s=30)
    print(report.delivered, report.pending, report.set_aside, report.retry_in_s)
    wait_ms: int | None = agent.step(budget_ms=50)
    print(wait_ms, agent.status())


def collect() -> dict[str, Any] | None:
    return {"temperature": 21.4}


def serve() -> None:
    lane = LaneSettings(8_000_000, policy="reject", durability=("group", 10, 500))
    buffer = BufferSettings(timeseries=lane, total_quota_bytes=64_000_000)
    upload = UploadSettings(unmapped="hold")
    with Agent.open(
        "state", boarding="agentconfig.json", ca_file="ca.pem", buffer=buffer, upload=upload
    ) as agent:
        agent.onboard()
        agent.start()
        agent.run(collect, every_s=1.0)
        agent.notify_online()
        agent.stop()


def explain(error: AgentError) -> str:
    try:
        raise error
    except (NotOnboarded, OnboardingRefused, RotationFailed, ClockError) as refused:
        credential: CredentialError = refused
        return credential.hint
    except TransportError as silent:
        return silent.kind
    except RemoteError as no:
        status: int = no.status
        return f"{status} {no.reason} {no.correlation_id}"
    except (InvalidMessage, ConfigurationError, BufferFull) as ours:
        again: bool = ours.retryable
        return f"{ours.message} {again}"


def sleepy(agent: Agent) -> None:
    result = agent.keep_alive(rotate_before_s=8 * 86_400.0)
    days: float | None = result.days_left
    print(bool(result), result.alive, result.rotated, result.warning, result.reason, days)


def services(asset: str) -> None:
    from mcagent.services.aggregates import Aggregate, Aggregates
    from mcagent.services.credentials import (
        AgentCredentials,
        ApplicationCredentials,
        ServiceCredentials,
        read_credentials,
    )
    from mcagent.services.etag import ETag
    from mcagent.services.records import Record
    from mcagent.services.session import Session
    from mcagent.services.timeseries import LatestValue, PartialWrite, Written
    from mcagent.services.timeseries import TimeSeries as Series

    credentials, gateway = read_credentials("credentials.json")
    ApplicationCredentials("demo-a-1", "s", app_name="a", app_version="1", host_tenant="demo")
    ServiceCredentials("demo-1", "s", tenant="demo")
    AgentCredentials("/var/lib/mcagent")
    with Session(gateway, credentials, proxy="", timeout_s=60) as session:
        version: ETag | None = ETag.of(session.call("GET", "/api/x", scope="asm.r"))
        series = Series(session, bytes_per_s=None)
        record: Record
        for record in series.read(asset, "motor", now, select=["rpm"], decimals=True):
            print(record.timestamp, record.values.get("rpm"), record.quality, version)
        latest: list[LatestValue] = series.latest(asset, "motor")
        try:
            written: Written = series.write(asset, "motor", [(now, {"rpm": 1}), record])
            series.write_several({(asset, "motor"): [record]})
        except PartialWrite as error:
            written = error.written
            print([(bad.aspect, bad.status, bad.records) for bad in error.errors])
        print(latest, written.records, series.wait_visible(asset, "motor", [record]))
        print(series.delete(asset, "motor", now, now, dry_run=True).unchecked)
        aggregate: Aggregate
        for aggregate in Aggregates(session).read(asset, "motor", now, unit="day"):
            print(aggregate.variables["rpm"].average)
