"""An asset with an aspect of every type on a hub, and times of a day long past."""

from mcagent.services.timeseries import TimeSeries

MOTOR = {
    "rpm": {"type": "INT"},
    "total": {"type": "LONG"},
    "load": {"type": "DOUBLE"},
    "on": {"type": "BOOLEAN"},
    "state": {"type": "STRING", "length": 10},
    "label": {"type": "STRING"},
    "log": {"type": "BIG_STRING"},
    "since": {"type": "TIMESTAMP"},
    "bare": {"type": "INT", "qualityCode": False},
}
AMBIENT = {"temperature": {"type": "DOUBLE"}, "humidity": {"type": "INT"}}
T0 = 1_767_600_000_000  # 2026-01-05T08:00:00Z
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def make_asset(platform, name="pump", **aspects):
    return platform.hub.create_asset(name, aspects or {"motor": MOTOR, "ambient": AMBIENT})


def make_series(platform, scopes=None, **options):
    """(TimeSeries, asset id) without a rate limit; `session.transport.calls` are its requests."""
    asset = make_asset(platform)
    session = platform.session(scopes)
    options.setdefault("bytes_per_s", None)
    series = TimeSeries(session, **options)
    series.session = session
    return series, asset


def samples(count, start_ms=T0, step_ms=1000):
    return [(start_ms + n * step_ms, {"rpm": n, "load": n / 8}) for n in range(count)]


def calls(series, method="GET"):
    return [
        call for call in series.session.transport.calls if call.startswith(f"{method} /api/iott")
    ]
