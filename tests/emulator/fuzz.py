"""`python -m tests.emulator.fuzz`: try to break the hub for as long as one likes (`tox -e fuzz`).

Parsers are searched by atheris, guided by coverage, each in a process of its own; where it is not
installed by random damage. Then a hub that runs takes raw bytes on its socket, and must answer
afterwards. A crash ends the run with status 1 and keeps its input (`--keep DIR`).
"""

import argparse
import importlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter

from .device import Device, call
from .fuzz_socket import storm
from .fuzz_targets import TARGETS, damaged

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCS = os.path.join(ROOT, "docs", "emulator.md")
_SLOW_S = 1.0
_ROUND = 400  # inputs of a storm, after which the hub must answer as if nothing had been
_GROWTH_MAX_KIB = 100 * 1024  # what a hub may grow by after its first round


def search(name, seconds, corpus):
    """Search one target in this process, for ever or until something fails."""
    target, seeds = TARGETS[name]
    for number, seed in enumerate(seeds):
        with open(os.path.join(corpus, f"seed-{number}"), "wb") as file:
            file.write(seed)
    try:
        import atheris
    except ImportError:
        _search_blindly(target, seeds, seconds)
        return
    # Loaded once more, to be watched: watching all that is loaded already takes a minute.
    for module in [
        one for one in sys.modules if one.startswith(("mcagent", "tests.emulator.fuzz_"))
    ]:
        del sys.modules[module]
    with atheris.instrument_imports(include=["mcagent", "tests.emulator.fuzz_targets"]):
        target = importlib.import_module("tests.emulator.fuzz_targets").TARGETS[name][0]

    def one(data):
        target(data)

    options = [f"-max_total_time={seconds}", "-timeout=5", "-max_len=8192", "-print_final_stats=1"]
    options += ["-rss_limit_mb=2048", f"-artifact_prefix={corpus}/crash-"]
    atheris.Setup([sys.argv[0], *options, corpus], one)
    atheris.Fuzz()


def _search_blindly(target, seeds, seconds):
    dice, tried, end = random.Random(1), 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = damaged(dice.choice(seeds), dice)
        begun = time.monotonic()
        try:
            target(data)
        except Exception:
            print(f"input: {data!r}", file=sys.stderr)
            raise
        if time.monotonic() - begun > _SLOW_S:
            raise SystemExit(f"slow: {data!r}")
        tried += 1
    print(f"stat::number_of_executed_units: {tried}", file=sys.stderr)


def search_apart(name, seconds, keep):
    """Search one target in a process of its own; give inputs tried, seconds, and what failed."""
    corpus = os.path.join(keep, name.replace(" ", "-")) if keep else tempfile.mkdtemp()
    os.makedirs(corpus, exist_ok=True)
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", __spec__.name, "--search", name, "--seconds", str(seconds)]
        + ["--keep", corpus],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=ROOT,
        check=False,
    )
    if done.returncode == 0 and not keep:
        shutil.rmtree(corpus)
    tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    trouble = (
        "" if done.returncode == 0 and tried else done.stderr[-3000:] + f"\ninput in {corpus}"
    )
    return int(tried[1]) if tried else 0, time.monotonic() - begun, trouble


def storm_apart(seconds):
    """Storm a hub in a process of its own; give inputs, seconds, statuses, and what failed."""
    command = [sys.executable, "-m", "mcagent.emulator", "--http", "--port", "0", "--json"]
    # A file: a pipe that is full would stop the hub.
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True, cwd=ROOT) as hub,
    ):
        url = json.loads(hub.stdout.readline())["url"]
        tried, seen, trouble, grown_from = 0, Counter(), "", None
        begun = time.monotonic()
        try:
            device = _device(url)
            while time.monotonic() - begun < seconds:
                port = int(url.rpartition(":")[2])
                seen += storm(port, _ROUND, seed=tried, token=device.token, asset=device.id)
                tried += _ROUND
                assert call(url, "GET", "/_emulator/state").status == 200
                resident = _resident_kib(hub.pid)
                grown_from = grown_from or resident
                assert resident - grown_from < _GROWTH_MAX_KIB, f"grew to {resident} KiB"
        except (AssertionError, OSError) as error:
            trouble = f"round from {tried}: {error!r}"
        took = time.monotonic() - begun
        alive = hub.poll() is None
        hub.terminate()
        hub.communicate(timeout=90)
        said.seek(0)
        errors = said.read()
    if not alive or "Traceback" in errors:
        trouble += f"\nthe hub said: {errors[-3000:]}"
    return tried, took, seen, trouble


def _device(url):
    class Hub:
        pass

    hub = Hub()
    hub.url = url
    device = Device(hub, call(url, "POST", "/_emulator/agents", {"name": "storm"}).json)
    assert device.register().status == 201
    assert device.ask_token().status == 200
    return device


def _resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s*(\d+)", file.read())[1])


def main():
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--only", choices=[*TARGETS, "socket"], help="one of them")
    parser.add_argument("--keep", metavar="DIR", help="keep inputs here, and go on from them")
    parser.add_argument(
        "--write", action="store_true", help="write the figures to docs/emulator.md"
    )
    parser.add_argument("--search", choices=TARGETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        search(options.search, options.seconds, options.keep)
        return 0
    rows, failed = [], 0
    for name in [options.only] if options.only else [*TARGETS, "socket"]:
        if name == "socket":
            tried, took, seen, trouble = storm_apart(options.seconds)
            print("answers:", dict(sorted(seen.items(), key=str)))
        else:
            tried, took, trouble = search_apart(name, options.seconds, options.keep)
        what = "raw bytes on the socket of a hub" if name == "socket" else name
        rows.append(
            f"| {what} | {tried:,} | {1 if trouble else 0} | {took:.0f} |".replace(",", " ")
        )
        print(rows[-1], trouble, flush=True)
        failed += bool(trouble)
    if options.write and not failed and not options.only:
        write(rows)
    return 1 if failed else 0


def write(rows):
    with open(DOCS, encoding="utf-8") as file:
        text = file.read()
    before, _, rest = text.partition("<!-- fuzz -->\n")
    _, _, after = rest.partition("<!-- end of fuzz -->")
    table = ["| what | inputs | crashes | seconds |", "|---|---:|---:|---:|", *rows, ""]
    with open(DOCS, "w", encoding="utf-8") as file:
        file.write(before + "<!-- fuzz -->\n" + "\n".join(table) + "<!-- end of fuzz -->" + after)


if __name__ == "__main__":
    raise SystemExit(main())
