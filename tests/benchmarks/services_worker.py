"""One contestant of tests/benchmarks/services.py, in a process of its own: write, read, compare.

python -m tests.benchmarks.services_worker ours|plain URL CA TOKEN ASSET COUNT
prints one JSON object: seconds on the wall and of this process, and its greatest memory.
"""

import json
import sys
import time

T0 = 1_767_600_000_000
ASPECT = "machine"
VARIABLES = {
    "temperature": {"type": "DOUBLE"},
    "pressure": {"type": "DOUBLE"},
    "flow": {"type": "DOUBLE"},
    "power": {"type": "DOUBLE"},
    "speed": {"type": "INT"},
    "torque": {"type": "INT"},
    "strokes": {"type": "LONG"},
    "energy": {"type": "LONG"},
    "running": {"type": "BOOLEAN"},
    "state": {"type": "STRING"},
}
_STATES = ("idle", "running", "stopped", "cleaning")


def values(number):
    """The ten values of a record."""
    return {
        "temperature": 20 + number % 640 / 8,
        "pressure": 1 + number % 97 / 16,
        "flow": number % 1013 / 4,
        "power": number * 0.37,
        "speed": number % 3000,
        "torque": -(number % 500),
        "strokes": number,
        "energy": 2**40 + number * 3,
        "running": number % 3 != 0,
        "state": _STATES[number % 4],
    }


def given(count):
    for number in range(count):
        yield T0 + number * 1000, values(number)


class Ours:
    """mcagent.services, its rate limit off."""

    def __init__(self, url, ca_file, token, asset):
        from mcagent.services.credentials import Credentials
        from mcagent.services.session import Session
        from mcagent.services.timeseries import TimeSeries
        from mcagent.transport.http import Request

        class Given(Credentials):
            who, tenant = "benchmark", "localdev"

            def token_request(self, gateway, platform_ms):
                body = json.dumps({}).encode()
                return Request("POST", gateway + "/_emulator/token", {}, body)

            def secrets(self):
                return []

        assert token
        session = Session(url, Given(), ca_file=ca_file, proxy="")
        self.series = TimeSeries(session, bytes_per_s=None)
        self.asset = asset

    def write(self, count):
        assert self.series.write(self.asset, ASPECT, given(count)).records == count

    def read(self, count):
        until = T0 + count * 1000
        number = 0
        for record in self.series.read(self.asset, ASPECT, T0 - 1, until):
            assert record.timestamp_ms == T0 + number * 1000
            assert record.values == values(number)
            number += 1
        return number


class Plain:
    """urllib3 and json, nothing checked: what a script of an afternoon does."""

    def __init__(self, url, ca_file, token, asset):
        import urllib3

        self.http = urllib3.PoolManager(ca_certs=ca_file)
        self.url = f"{url}/api/iottimeseries/v3/timeseries/{asset}/{ASPECT}"
        self.headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}

    def write(self, count):
        rows, size = [], 2
        for timestamp_ms, members in given(count):
            row = json.dumps({"_time": _text(timestamp_ms), **members}, separators=(",", ":"))
            if size + len(row) + 1 > 1_000_000:
                self._put(rows)
                rows, size = [], 2
            rows.append(row)
            size += len(row) + 1
        self._put(rows)

    def _put(self, rows):
        body = "[" + ",".join(rows) + "]"
        answer = self.http.request("PUT", self.url, body=body.encode(), headers=self.headers)
        assert answer.status == 204, answer.data

    def read(self, count):
        number = 0
        url = f"{self.url}?from={_text(T0 - 1)}&to={_text(T0 + count * 1000)}&limit=2000"
        while url:
            answer = self.http.request("GET", url, headers=self.headers)
            assert answer.status == 200
            for row in json.loads(answer.data):
                assert row.pop("_time") == _short(T0 + number * 1000)
                assert row == values(number)
                number += 1
            link = answer.headers.get("Link", "")
            url = link.removeprefix("<").removesuffix('>; rel="next"') if link else ""
        return number


def _text(timestamp_ms):
    # As ours: a calendar that reckons, not one that asks the C library.
    from mcagent.messages.timestamp import format_ms

    return format_ms(timestamp_ms)


def _short(timestamp_ms):
    return _text(timestamp_ms).replace(".000Z", "Z")


def peak_rss_kb():
    """The greatest memory of this process; `getrusage` would count its parent's before exec."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


def main(name, url, ca_file, token, asset, count):
    contestant = {"ours": Ours, "plain": Plain}[name](url, ca_file, token, asset)
    result = {}
    for what in ("write", "read"):
        wall, used = time.perf_counter(), time.process_time()
        done = getattr(contestant, what)(count)
        assert done in (None, count), done
        result[what + "_s"] = time.perf_counter() - wall
        result[what + "_cpu_s"] = time.process_time() - used
        result[what + "_rss_kb"] = peak_rss_kb()
    return result


if __name__ == "__main__":
    *texts, number = sys.argv[1:]
    print(json.dumps(main(*texts, int(number))))
