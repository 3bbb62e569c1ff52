"""One measurement of uploading, in a process of its own: ``… uploadwork '{"what": …}'``.

Prints one JSON object. The clock starts after onboarding, a token and a first exchange.
"""

import json
import os
import socket
import ssl
import sys
import time
from urllib.parse import urlsplit

from mcagent import Agent, BufferSettings, File, LaneSettings, UploadSettings

from . import gauges
from .barewalk import bare_walk
from .samples import MODEL, T0_MS

_MIB = 1024 * 1024
_PATIENCE_S = 3600
_URL = "/api/mindconnect/v3/exchange"


def rows(first, stop):
    """Samples of three points."""
    return [
        (
            T0_MS + number,
            {"temperature": 20 + number % 97 / 8, "pressure": 182.5, "strokes": number},
        )
        for number in range(first, stop)
    ]


def put(agent, first, stop, batch):
    """Record them in lists of *batch*, each made when its turn comes."""
    for begin in range(first, stop, batch):
        agent.record_many(rows(begin, min(stop, begin + batch)))


def fill(task):
    """A backlog of an onboarded agent whose data model was delivered."""
    with _open(task) as agent:
        agent.submit(MODEL)
        report = agent.upload()
        assert report.pending == 0, report
        put(agent, 0, task["records"], task["batch"])
    return {}


def backlog(task):
    """(a) What is on the disk, to the wire."""
    with _open(task) as agent:
        agent.keep_alive()
        agent.upload(timeout_s=0)  # one exchange
        first = task["records"] - agent.status().lanes["timeseries"]["records"]
        begin = _Begin()
        report = agent.upload(timeout_s=_PATIENCE_S)
        result = begin.end(task["records"] - first)
        assert report.pending == 0, report
    return result


def record(task):
    """(b) `record_many`, to the disk in groups, to the wire."""
    with _open(task) as agent:
        agent.submit(MODEL)
        agent.keep_alive()
        agent.record_many(rows(0, task["batch"]))
        report = agent.upload()
        assert report.pending == 0, report
        begin = _Begin()
        put(agent, task["batch"], task["records"], task["batch"])
        report = agent.upload(timeout_s=_PATIENCE_S)
        result = begin.end(task["records"] - task["batch"])
        assert report.pending == 0, report
    return result


def file(task):
    """A file of *bytes*: how far the memory grows that small uploads need."""
    path = task["directory"] + ".bin"
    with open(path, "wb") as source:
        source.writelines(os.urandom(100_000) for _ in range(task["bytes"] // 100_000))
    with _open(task) as agent:
        agent.submit(MODEL)
        agent.record_many(rows(0, 1000))
        report = agent.upload()
        assert report.pending == 0, report
        begin = _Begin()
        agent.submit(File(path))
        report = agent.upload(timeout_s=_PATIENCE_S)
        result = begin.end(1)
        assert report.pending == 0, report
    os.remove(path)
    return result


def urllib3(task):
    """The same bytes from memory, by urllib3 alone."""
    from urllib3 import PoolManager

    requests = _bodies(task)
    pool = PoolManager(maxsize=1, ca_certs=task["ca_file"])

    def post(content_type, body):
        headers = {"Content-Type": content_type, "Authorization": "Bearer " + "x" * 900}
        answer = pool.request(
            "POST", task["origin"] + _URL, body=body, headers=headers, retries=False
        )
        assert answer.status == 200, answer.status

    post(*requests[0])
    begin = _Begin()
    for request in requests[1:]:
        post(*request)
    return begin.end(task["records"] - task["batch"])


def plain(task):
    """The same bytes from memory, written to a socket: what the sink can take."""
    requests = _bodies(task)
    where = urlsplit(task["origin"])
    sock = socket.create_connection((where.hostname, where.port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if where.scheme == "https":
        context = ssl.create_default_context(cafile=task["ca_file"])
        sock = context.wrap_socket(sock, server_hostname=where.hostname)

    def post(content_type, body):
        head = "POST %s HTTP/1.1\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
        sock.sendall((head % (_URL, content_type, len(body))).encode())
        sock.sendall(body)
        answer = sock.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200"), answer

    with sock:
        post(*requests[0])
        begin = _Begin()
        for request in requests[1:]:
            post(*request)
        return begin.end(task["records"] - task["batch"])


def walk(task):
    """The bare loop over our segments; see barewalk.py."""
    begin = _Begin()
    records, _size, _bodies = bare_walk(task["directory"], task["batch"])
    result = begin.end(records)
    if records != task["records"]:
        raise SystemExit("the bare loop found %d records" % records)
    return result


class _Begin:
    """Where the clocks and the memory stood."""

    def __init__(self):
        self._before_kib = gauges.peak_kib()
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")  # the peak starts anew
        self._kib = gauges.resident_kib()
        self._cpu_s = time.process_time()
        self._s = time.perf_counter()

    def end(self, records):
        seconds = time.perf_counter() - self._s
        cpu_s = time.process_time() - self._cpu_s
        peak_kib = gauges.peak_kib()
        return {
            "records": records,
            "seconds": seconds,
            "rate": records / seconds,
            "cpu_us": cpu_s / records * 1e6,
            "peak_kib": max(peak_kib, self._before_kib),
            "grown_kib": peak_kib - self._kib,
        }


def _open(task):
    lane = LaneSettings(512 * _MIB)
    return Agent.open(
        task["directory"],
        boarding=task["boarding"],
        ca_file=task["ca_file"],
        proxy="",
        buffer=BufferSettings(timeseries=lane, total_quota_bytes=1024 * _MIB),
        upload=UploadSettings(max_samples=task["batch"]),
    )


def _bodies(task):
    """(content type, body) of each exchange that ours sends for this backlog."""
    from mcagent.buffer import Buffer
    from mcagent.messages.multipart import ExchangeBody, timeseries_item

    buffer = Buffer(task["directory"] + "/buffer")
    buffer.open()
    found = []
    while True:
        batch = buffer.cut("timeseries", max_bytes=1 << 30, max_records=task["batch"])
        if batch is None:
            break
        body = ExchangeBody([timeseries_item("press-7", batch.payload_bytes, batch.chunks)])
        found.append((body.content_type, b"".join(body.chunks())))
        buffer.ack(batch)
    buffer.close()
    if len(found) != task["records"] // task["batch"]:
        raise SystemExit("%d bodies" % len(found))
    return found


WORK = {
    "fill": fill,
    "backlog": backlog,
    "record": record,
    "file": file,
    "urllib3": urllib3,
    "plain": plain,
    "walk": walk,
}


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    print(json.dumps(WORK[task["what"]](task)))
