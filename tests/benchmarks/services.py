"""100 000 records of ten variables, written, read back, compared, plotted, exported, re-imported.

python -m tests.benchmarks.services [--records N] [--runs N] [--write]

Beside a loop of urllib3 and json that does nothing but that. Both in processes of their own,
against the emulator in another, over TLS, in turns. The client-side rate limit is off: it would
keep both to 100 KB a second.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from mcagent.cli import main as command_line
from mcagent.cli.hubclient import HubClient
from mcagent.cli.hubprocess import HubProcess
from tests.benchmarks.report import table, write_between
from tests.benchmarks.services_worker import ASPECT, T0, VARIABLES, values
from tests.source_tree import ROOT

PAGE = os.path.join(ROOT, "docs", "services.md")
BEGIN = "% figures: written by tox -e bench-services -- --write"
END = "% end of figures"
CONTESTANTS = ("ours", "plain")
CALLED = {"ours": "**mcagent.services**", "plain": "urllib3 and json"}
BUDGET = 1.15  # within 15 % of the plain loop


class Hub:
    """A hub in a process of its own, with an application's token and credentials."""

    def __init__(self, folder):
        self.process = HubProcess()
        self.url, self.ca_file = self.process.url, self.process.ca_file
        self.client = HubClient(self.url, self.ca_file)
        self.token = self.control("token", {})["access_token"]
        self.credentials = os.path.join(folder, "credentials.json")
        given = {**self.control("applications", {"name": "bench"}), "gateway": self.url}
        with open(os.open(self.credentials, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            json.dump(given, file)
        self._assets = 0

    def control(self, path, document):
        return self.client._call("POST", "/_emulator/" + path, document)

    def asset(self):
        self._assets += 1
        return self.client.create_asset(f"machine-{self._assets}", {ASPECT: VARIABLES})

    def close(self):
        self.client.__exit__(None, None, None)
        self.process.close()


def run(hub, name, count):
    """One contestant's seconds and memory."""
    arguments = [name, hub.url, hub.ca_file, hub.token, hub.asset(), str(count)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.services_worker", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "asset": arguments[4]}


def compete(hub, count, runs):
    """{name: [result of each run]}, taken in turns; and of a tenth of it, for memory."""
    results = {name: [] for name in CONTESTANTS}
    for turn in range(runs):
        for name in CONTESTANTS[:: 1 if turn % 2 else -1]:
            results[name].append(run(hub, name, count))
    few = run(hub, "ours", max(1, count // 10))
    return results, few


def round_trip(hub, asset, folder, count, *, draw):
    """Plotted, exported and re-imported from the terminal; what came back is compared."""
    exported, picture = (os.path.join(folder, name) for name in ("out.csv", "out.png"))
    begin = time.perf_counter()
    plot = ["--plot", picture] if draw else []
    _command(hub, "read", asset, ASPECT, *_range(count), "--output", exported, *plot)
    export_s = time.perf_counter() - begin
    compare_csv(exported, count)
    if plot:
        with open(picture, "rb") as file:
            assert file.read(4) == b"\x89PNG"
    other = hub.asset()
    begin = time.perf_counter()
    _command(hub, "write", other, ASPECT, exported, "--bytes-per-s", "0")
    import_s = time.perf_counter() - begin
    again = os.path.join(folder, "again.csv")
    _command(hub, "read", other, ASPECT, *_range(count), "--output", again)
    with open(exported, "rb") as one, open(again, "rb") as two:
        assert one.read() == two.read(), "what was re-imported differs"
    return {"export_s": export_s, "import_s": import_s, "plotted": bool(plot)}


def compare_csv(path, count):
    """Every cell against what was written."""
    number = -1
    with open(path, encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            for name, value in values(number).items():
                cell = row[name]
                if isinstance(value, bool):
                    assert cell == str(value).lower()
                elif isinstance(value, float):
                    assert float(cell) == value
                else:
                    assert cell == str(value)
    assert number == count - 1


def report(results, few, trip, count):
    """The section of docs/services.md."""
    rows = []
    for name in CONTESTANTS:
        found = results[name]
        rows.append(
            [
                CALLED[name],
                *(_rate(found, what, count) for what in ("write_s", "read_s")),
                *(_rate(found, what, count) for what in ("write_cpu_s", "read_cpu_s")),
                f"{median(r['read_rss_kb'] for r in found) / 1024:.0f} MB",
            ]
        )
    head = [
        "",
        "written, records/s",
        "read and compared",
        "written, by its CPU",
        "read, by its CPU",
        "RSS",
    ]
    wall, used = (ratio_of(results, kind) for kind in ("_s", "_cpu_s"))
    most, least = max(r["read_rss_kb"] for r in results["ours"]), few["read_rss_kb"]
    lines = [
        (
            f"Measured {time.strftime('%Y-%m-%d')}: {count} records of ten variables, Python "
            f"{sys.version.split()[0]}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; the median "
            f"(least to most) of {len(results['ours'])} runs in turns, over TLS, the emulator in a process "
            "of its own on the same machine. The rate limit is off, which else keeps both to 100 KB/s. "
            "The plain loop checks nothing."
        ),
        table(head, rows),
        (
            f"Time in all: {wall:.2f} of the plain loop's on the wall, {used:.2f} of its processor time (budget: "
            f"{BUDGET} of both, {'met' if max(wall, used) <= BUDGET else '**missed**'}). "
            f"RSS with {count} records {most / 1024:.1f} MB, with {max(1, count // 10)} {least / 1024:.1f} MB."
        ),
    ]
    if trip:
        lines.append(
            f"From the terminal: exported as CSV{' and plotted' if trip['plotted'] else ''} in "
            f"{trip['export_s']:.1f} s, checked row by row and re-imported in {trip['import_s']:.1f} s; "
            "what came back is the same, byte by byte."
        )
    return "\n\n".join(lines) + "\n"


def ratio_of(results, kind):
    """Ours over the plain loop's, of writing and reading together; the median of the runs."""
    sums = {
        name: median(r["write" + kind] + r["read" + kind] for r in results[name])
        for name in CONTESTANTS
    }
    return sums["ours"] / sums["plain"]


def _rate(found, what, count):
    rates = sorted(count / result[what] for result in found)
    return f"{median(rates):.0f} ({rates[0]:.0f} to {rates[-1]:.0f})"


def _range(count):
    return ("--from", str(T0 - 1), "--to", str(T0 + count * 1000))


def _command(hub, *arguments):
    options = ("--ca", hub.ca_file, "--credentials", hub.credentials, "--proxy", "")
    code = command_line.main(["timeseries", *arguments, *options])
    assert code == 0, arguments


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--write", action="store_true", help="put the figures into docs/services.md"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = Hub(folder)
        try:
            results, few = compete(hub, args.records, args.runs)
            trip = round_trip(hub, results["ours"][0]["asset"], folder, args.records, draw=True)
        finally:
            hub.close()
    text = report(results, few, trip, args.records)
    print(text)
    if args.write:
        write_between(PAGE, text, BEGIN, END)


if __name__ == "__main__":
    main()
