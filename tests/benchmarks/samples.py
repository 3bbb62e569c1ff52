"""`record()` and `record_many()` of a whole agent: three points, checked, durable in groups."""

import time

from mcagent import Agent, DataModel, DataPoint, DataSource

T0_MS = 1_767_600_000_000
MODEL = DataModel(
    "press-7",
    [
        DataSource(
            "press",
            [
                DataPoint("temperature", "DOUBLE", unit="°C"),
                DataPoint("pressure", "DOUBLE", unit="bar"),
                DataPoint("strokes", "LONG"),
            ],
        )
    ],
)


def measure(what, directory, records):
    """Samples a second with times of their own, the last group's sync included; no network."""
    rows = [
        (
            T0_MS + number,
            {"temperature": 20 + number % 97 / 8, "pressure": 182.5, "strokes": number},
        )
        for number in range(records)
    ]
    with Agent.open(directory) as agent:
        agent.submit(MODEL)
        agent.record({"temperature": 21.4, "pressure": 180.25, "strokes": 0}, timestamp=T0_MS - 1)
        agent.flush()
        begin = time.perf_counter()
        if what == "record_many":
            agent.record_many(rows)
        else:
            record = agent.record
            for timestamp_ms, values in rows:
                record(values, timestamp=timestamp_ms)
        agent.flush()
        seconds = time.perf_counter() - begin
        lane = agent.status().lanes["timeseries"]
        if lane["records"] != records + 1 or lane["dropped"]:
            raise SystemExit("%r after %d samples" % (lane, records + 1))
    return {"rate": records / seconds, "records": records}
