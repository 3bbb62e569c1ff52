"""A hundred agents against the emulator: is it ever the bottleneck of a test?

``python -m tests.benchmarks.emulator [--agents 100] [--seconds 10] [--runs 3] [--write]``: the hub
is a process as users start it, the agents are threads of four processes with urllib3 and nothing
of mcagent; each posts exchanges of 100 samples of three points as fast as they are answered.
Figures: requests and samples a second, time of an answer (with all agents, and with one alone),
time until everything is stored, start, memory. Budget: ready within 0.7 s.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import urllib3

from tests.emulator.device import (
    AGENTS,
    EXCHANGE,
    TOKEN,
    configuration,
    exchange_body,
    hs256,
    jwt,
    sample,
    timeseries,
)

from .report import spread, table
from .surroundings import cpu

PAGE = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "benchmarks.md")
BUDGET_START_S = 0.7
_WORKERS = 4
_SAMPLES = 100
_POINTS = {"P1": "DOUBLE", "P2": "DOUBLE", "CNT": "LONG"}


class Hub:
    """`mcagent emulator` as a process."""

    def __init__(self, *options):
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mcagent", "emulator", "--port", "0", "--json", *options],
            stdout=subprocess.PIPE,
            text=True,
        )
        ready = json.loads(self.process.stdout.readline())
        self.start_s = time.perf_counter() - begun
        self.url, self.ca_file = ready["url"], ready["ca_file"]
        self.pool = pool(self.url, self.ca_file)

    def ask(self, method, path, body=None, **headers):
        text = json.dumps(body) if isinstance(body, dict) else body
        answer = self.pool.request(method, path, body=text, headers=headers)
        assert answer.status < 300, (path, answer.status, answer.data)
        return json.loads(answer.data) if answer.data else None

    def state(self):
        return self.ask("GET", "/_emulator/state")

    def resident_mib(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1]) / 1024

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.pool.close()
        self.process.terminate()
        self.process.wait(30)
        self.process.stdout.close()


def pool(url, ca_file):
    more = {"ca_certs": ca_file} if ca_file else {}
    return urllib3.connection_from_url(url, maxsize=1, retries=False, timeout=30, **more)


def onboard(hub, number):
    """Make an agent whose points are mapped; give its access token."""
    made = hub.ask("POST", "/_emulator/agents", {"name": f"agent-{number}", "automap": True})
    content = made["content"]
    secret = hub.ask("POST", AGENTS + "/register", {}, Authorization=f"Bearer {content['iat']}")[
        "client_secret"
    ]
    now_s = int(time.time())
    names = {"iss": content["clientId"], "sub": content["clientId"], "ten": content["tenant"]}
    claims = {**names, "aud": ["southgate"], "iat": now_s, "nbf": now_s, "exp": now_s + 3600}
    claims.update(schemas=["urn:siemens:mindsphere:v1"], jti=str(number))
    form = (
        "grant_type=client_credentials&client_assertion_type="
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        f"&client_assertion={jwt(claims, hs256(secret))}"
    )
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    token = hub.ask("POST", TOKEN, form, **kind)["access_token"]
    path = f"{AGENTS}/agents/{content['clientId']}/dataSourceConfiguration"
    headers = {"Authorization": f"Bearer {token}", "If-Match": "0"}
    hub.ask("PUT", path, configuration(**_POINTS), **headers)
    return token


def body_of(number):
    """An exchange of 100 samples; agents share it, since each has an asset of its own."""
    second = f"2026-01-05T08:00:{number:02d}"
    values = {"P1": "1.25", "P2": "-7.5"}
    samples = [sample(f"{second}.{k:03d}Z", **values, CNT=str(k)) for k in range(_SAMPLES)]
    return exchange_body(timeseries(*samples))


def post(url, ca_file, token, bodies, end, took):
    """Post until *end*."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "multipart/mixed; boundary=OUT",
    }
    with pool(url, ca_file) as connection:
        number = 0
        while time.time() < end:
            body = bodies[number % len(bodies)]
            begun = time.perf_counter()
            answer = connection.request("POST", EXCHANGE, body=body, headers=headers)
            took.append(time.perf_counter() - begun)
            assert answer.status == 200, answer.data
            number += 1


def work(url, ca_file, seconds):
    """A worker: tokens come on standard input, times of answers go to standard output."""
    given = json.loads(sys.stdin.read())
    bodies = [body_of(number) for number in range(60)]
    took = []
    end = time.time() + seconds
    threads = [
        threading.Thread(target=post, args=(url, ca_file, token, bodies, end, took))
        for token in given
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps(took))


def load(hub, tokens, seconds):
    """Let all agents post; give the times of all answers."""
    shares = [tokens[start::_WORKERS] for start in range(min(_WORKERS, len(tokens)))]
    command = [sys.executable, "-m", __spec__.name, "--work", hub.url, hub.ca_file or ""]
    workers = [
        subprocess.Popen(
            [*command, "--seconds", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in shares
    ]
    for worker, share in zip(workers, shares):
        worker.stdin.write(json.dumps(share))
        worker.stdin.close()
    took = []
    for worker in workers:
        took += json.loads(worker.stdout.read())
        worker.wait()
        worker.stdout.close()
        assert worker.returncode == 0
    return took


def measure(options, agents, seconds):
    """Start a hub, load it, and give the figures of one run."""
    hub = Hub(*options)
    try:
        tokens = [onboard(hub, number) for number in range(agents)]
        alone = load(hub, tokens[:1], min(seconds, 3))
        wait_until_stored(hub)
        before = hub.state()["received"].get("timeseries", 0)
        cpu_s, begun = hub.cpu_s(), time.perf_counter()
        took = load(hub, tokens, seconds)
        lasted = time.perf_counter() - begun
        busy = (hub.cpu_s() - cpu_s) / lasted
        behind_s = wait_until_stored(hub)
        state = hub.state()
        # Nothing that was answered with 200 may be missing.
        assert state["received"]["timeseries"] - before == len(took) * _SAMPLES
        assert not state["dropped"]
        return {
            "rate": len(took) / seconds,
            "samples": len(took) * _SAMPLES / seconds,
            "p50": 1000 * statistics.median(took),
            "p99": 1000 * sorted(took)[int(len(took) * 0.99)],
            "alone_p50": 1000 * statistics.median(alone),
            "alone_p99": 1000 * sorted(alone)[int(len(alone) * 0.99)],
            "behind": behind_s,
            "busy": 100 * busy,
            "resident": hub.resident_mib(),
            "start": hub.start_s,
        }
    finally:
        hub.stop()


def wait_until_stored(hub):
    begun = time.perf_counter()
    while hub.state()["pending"]:
        time.sleep(0.1)
    return time.perf_counter() - begun


def starts(options, number):
    """Seconds from the command to the line that says ready, of fresh processes."""
    found = []
    for _ in range(number):
        hub = Hub(*options)
        found.append(hub.start_s)
        hub.stop()
    return found


_ROWS = (
    ("requests a second", "rate", 0),
    ("samples a second, 1 000", "samples", 1),
    ("answer with all agents, ms: median", "p50", 1),
    ("99 of 100", "p99", 0),
    ("answer with one agent, ms: median", "alone_p50", 1),
    ("99 of 100", "alone_p99", 1),
    ("stored after the last answer, s", "behind", 1),
    ("processor of the hub, %", "busy", 0),
    ("resident memory at the end, MiB", "resident", 0),
)


def head_of(agents, seconds, runs, load_before):
    return (
        f"Measured {time.strftime('%Y-%m-%d')}. {cpu()}, {os.cpu_count()} cores, Python "
        f"{sys.version.split()[0]}; load average when it began: {load_before:.1f}. "
        f"{agents} agents in {_WORKERS} processes on the same machine, {seconds:g} s a run, "
        f"{runs} runs: median (min to max)."
    )


def report(found, started, agents, seconds, load_before):
    head = ["", *found]
    rows = []
    for words, key, digits in _ROWS:
        scale = 1000 if key == "samples" else 1
        cells = [spread([run[key] / scale for run in runs], digits) for runs in found.values()]
        rows.append([words, *cells])
    rows.append(["start, s", *(spread(times, 2) for times in started.values())])
    runs = len(next(iter(found.values())))
    return "\n".join(
        [
            head_of(agents, seconds, runs, load_before),
            "",
            table(head, rows),
            "",
            "The agents take their share of the same cores.",
        ]
    )


def write(text):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, _, rest = page.partition("<!-- emulator -->\n")
    _, _, after = rest.partition("<!-- end of emulator -->")
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{before}<!-- emulator -->\n{text}\n<!-- end of emulator -->{after}")


def main():
    parser = argparse.ArgumentParser(prog="bench-emulator", description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10, help="of each run")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="the figures into docs/benchmarks.md")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work, options.seconds)
        return 0
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        kinds = {
            "http, in RAM": lambda _: ["--http"],
            "https, in RAM": lambda _: [],
            "https, `--data`": lambda run: ["--data", os.path.join(folder, f"hub-{run}")],
        }
        found = {kind: [] for kind in kinds}
        for run in range(options.runs):
            for kind, options_of in kinds.items():
                figures = measure(options_of(run), options.agents, options.seconds)
                found[kind].append(figures)
                print(kind, {name: round(value, 2) for name, value in figures.items()}, flush=True)
        started = {kind: starts(options_of("start"), 5) for kind, options_of in kinds.items()}
    text = report(found, started, options.agents, options.seconds, load_before)
    print("\n" + text)
    slowest = max(statistics.median(times) for times in started.values())
    verdict = "met" if slowest < BUDGET_START_S else "missed"
    print(f"\nbudget, ready within {BUDGET_START_S} s: {verdict} ({slowest:.2f} s)")
    if options.write:
        write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
