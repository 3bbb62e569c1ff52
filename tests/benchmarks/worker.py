"""One measurement in a process of its own: ``python -m tests.benchmarks.worker '{"what": …}'``.

Prints one JSON object. The timed part is the same for all contestants; what is checked besides
counts and lengths is checked after the clock stopped.
"""

import json
import os
import sys
import time
from binascii import crc32
from importlib import import_module

from . import gauges, payloads
from .barewalk import bare_walk
from .peers import CONTESTANTS

GROUP = 100
_WARM_UP = 2 * GROUP  # files, tables and first segments are made by these
_STEP = 500  # records between two looks at the clock


def put(task):
    """Durable appends: "each", or "group" with one sync per 100."""
    each = task["what"] == "each"
    store = _open(task, 1 if each else GROUP)
    step = _STEP if each else GROUP
    _put(store, payloads.make(0, _WARM_UP), each)
    records = payloads.make(_WARM_UP, task["records"])
    done, limit_s = 0, task["limit_s"]
    with gauges.Gauge(task["directory"], task.get("device")) as gauge:
        begin = time.perf_counter()
        while done < len(records):
            _put(store, records[done : done + step], each)
            done = min(done + step, len(records))
            if time.perf_counter() - begin > limit_s:
                break
        seconds = time.perf_counter() - begin
    result = _rates(gauge, done, seconds)
    if task.get("check"):
        result["checked"] = _drain(store, GROUP, limit_s, _WARM_UP + done, check=True)["records"]
    store.close()
    return result


def fill(task):
    """A backlog, and what it costs in memory; nothing here is timed."""
    store = _open(task, GROUP)
    done, resident = 0, {}
    for goal in task["goals"]:
        while done < goal:
            for group in _groups(payloads.make(done, min(1000, goal - done))):
                store.put_group(group)
                done += len(group)
        resident[str(goal)] = gauges.resident_kib()
    store.close()
    return {"resident_kib": resident, "disk_bytes": gauges.disk_bytes(task["directory"])}


def drain(task):
    """Open, take the first record, then everything, acknowledged per `per`."""
    if CONTESTANTS[task["name"]].module:
        import_module(CONTESTANTS[task["name"]].module)
    begin = time.perf_counter()
    store = _open(task, GROUP)
    first = store.first()
    open_ms = (time.perf_counter() - begin) * 1000
    if first != payloads.make(0, 1)[0]:
        raise SystemExit("the first record is another one")
    store.close()
    store = _open(task, GROUP)
    before_kib = gauges.resident_kib()
    with gauges.Gauge(task["directory"], task.get("device")) as gauge:
        result = _drain(
            store, task["per"], task["limit_s"], task["records"], check=task.get("check", False)
        )
    result.update(_rates(gauge, result["records"], result["seconds"]))
    result["open_ms"] = open_ms
    result["grown_kib"] = gauges.resident_kib() - before_kib
    store.close()
    result["left_bytes"] = gauges.disk_bytes(task["directory"])
    return result


def walk(task):
    """The bare loop over our segments; see barewalk.py."""
    begin = time.perf_counter()
    records, size, bodies = bare_walk(task["directory"], task["per"])
    seconds = time.perf_counter() - begin
    if records != task["records"] or size != payloads.body_bytes(records, bodies):
        raise SystemExit("the bare loop found %d records" % records)
    return {"rate": records / seconds, "records": records}


def agent(task):
    from .samples import measure

    return measure(task["what"], task["directory"], task["records"])


def _drain(store, per, limit_s, expected, *, check):
    """All of it, or as far as *limit_s* goes; the first tenth is timed by itself too."""
    records = size = crc = 0
    counts = []
    first_rate, tenth = 0.0, max(expected // 10, 1)
    begin = time.perf_counter()
    for count, body in store.drain(per):
        records += count
        size += len(body)
        counts.append(count)
        if check:
            crc = crc32(body, crc)
        if not first_rate and records >= tenth:
            first_rate = records / (time.perf_counter() - begin)
        if time.perf_counter() - begin > limit_s:
            break
    seconds = time.perf_counter() - begin
    stopped = records < expected
    if stopped and seconds <= limit_s:
        raise SystemExit("%d records of %d came out" % (records, expected))
    if size != payloads.body_bytes(records, len(counts)):
        raise SystemExit("%d bytes came out for %d records" % (size, records))
    if check and crc != _expected_crc(counts):
        raise SystemExit("other bytes came out than were put in")
    return {
        "records": records,
        "seconds": seconds,
        "first_rate": first_rate,
        "stopped": stopped,
        "checked": check,
    }


def _expected_crc(counts):
    crc = first = 0
    for count in counts:
        crc = payloads.body_crc(first, count, crc)
        first += count
    return crc


def _open(task, group):
    os.makedirs(task["directory"], exist_ok=True)
    return CONTESTANTS[task["name"]](task["directory"], group)


def _put(store, records, each):
    if each:
        store.put_each(records)
    else:
        for group in _groups(records):
            store.put_group(group)


def _groups(records):
    return [records[place : place + GROUP] for place in range(0, len(records), GROUP)]


def _rates(gauge, records, seconds):
    payload_bytes = max(records, 1) * payloads.BYTES
    result = {"rate": records / seconds, "records": records}
    if gauge.dirtied_bytes is not None:
        result["dirtied"] = gauge.dirtied_bytes / payload_bytes
    if gauge.device_bytes is not None:
        result["device"] = gauge.device_bytes / payload_bytes
    return result


WORK = {
    "each": put,
    "group": put,
    "fill": fill,
    "drain": drain,
    "walk": walk,
    "record": agent,
    "record_many": agent,
}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    print(json.dumps(WORK[task["what"]](task)))
