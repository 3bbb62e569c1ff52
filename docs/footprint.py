"""Write docs/footprint.md: lines, import cost and MicroPython sizes, measured on this machine.

    python docs/footprint.py

Run by `tox -e docs`; the page is never edited and never committed.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)

from tests.micropython import toolchain
from tests.source_tree import PACKAGE, code_lines, modules, portable_modules

RUNS = 15
# Runs in a fresh interpreter and prints its own seconds and peak memory in kB. VmHWM starts anew
# at exec; getrusage would include the parent's.
MEASURE = """
import time
start = time.perf_counter()
{work}
print(time.perf_counter() - start)
try:
    with open("/proc/self/status") as status:
        print([line.split()[1] for line in status if line.startswith("VmHWM")][0])
except OSError:
    print("nan")
"""
WORK = {
    "a bare interpreter": "pass",
    "`import mcagent`": "import mcagent",
    "`from mcagent import Agent, DataModel`": "from mcagent import Agent, DataModel",
    "urllib3, for comparison": "import urllib3",
}


def lines_by_part():
    """Part of the package -> (files, lines of code, portable lines of code)."""
    portable = portable_modules()
    parts = {}
    for name, path in modules().items():
        words = name.split(".")
        in_folder = os.path.dirname(path) != PACKAGE
        part = words[1] if in_folder else "(top level)"
        files, lines, both = parts.get(part, (0, 0, 0))
        count = code_lines(path)
        parts[part] = (files + 1, lines + count, both + (count if name in portable else 0))
    return parts


def import_costs():
    """What -> (median ms, lowest ms, highest ms, median MB); runs are interleaved."""
    found = {what: [] for what in WORK}
    for _run in range(RUNS):
        for what, work in WORK.items():
            done = subprocess.run(
                [sys.executable, "-c", MEASURE.format(work=work)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
            seconds, kilobytes = map(float, done.stdout.split())
            found[what].append((seconds * 1000, kilobytes / 1024))
    return {
        what: (
            statistics.median(ms for ms, _mb in runs),
            min(ms for ms, _mb in runs),
            max(ms for ms, _mb in runs),
            statistics.median(mb for _ms, mb in runs),
        )
        for what, runs in found.items()
    }


def table(head, rows):
    """A Markdown table, numbers to the right."""
    yield "| " + " | ".join(head) + " |"
    yield "|---" + "|---:" * (len(head) - 1) + "|"
    for row in rows:
        yield "| " + " | ".join(str(cell) for cell in row) + " |"
    yield ""


def page():
    """The lines of the page."""
    yield "# Footprint"
    yield ""
    yield "Made by `docs/footprint.py` when the documentation was built, on"
    yield f"{platform.python_implementation()} {platform.python_version()},"
    yield f"{platform.system()} {platform.machine()}. No board was measured."
    yield ""
    yield "## Lines of code"
    yield ""
    yield "Without comments, docstrings and blank lines; *portable* runs on MicroPython too."
    yield ""
    parts = lines_by_part()
    rows = [(part, *counts) for part, counts in sorted(parts.items())]
    rows.append(("**all**", *(sum(counts) for counts in zip(*parts.values(), strict=True))))
    yield from table(("part", "files", "lines", "portable"), rows)
    yield "## Import"
    yield ""
    yield f"Median of {RUNS} interleaved runs in fresh interpreters, with the fastest and slowest."
    yield ""
    yield from table(
        ("", "ms", "from", "to", "peak MB in all"),
        [
            (what, f"{ms:.1f}", f"{low:.1f}", f"{high:.1f}", f"{mb:.1f}")
            for what, (ms, low, high, mb) in import_costs().items()
        ],
    )
    yield from micropython()


def micropython():
    """The section on compiled sizes and heap, or why there is none."""
    yield "## MicroPython"
    yield ""
    if not (toolchain.find("micropython") and toolchain.find("mpy-cross")):
        yield "MicroPython was not installed where this page was built."
        return
    with tempfile.TemporaryDirectory() as target:
        compiled = toolchain.compile_all(target)
        sizes = {name: os.stat(path).st_size for name, path in compiled.items()}
        heap = "tests/micropython/device/heap.py"
        results = {count: toolchain.run(target, heap, count) for count in (50, 1000)}
        smallest = toolchain.smallest_heap_kb(target, heap, 200)
    yield "The heap of a SHARED_SECRET time series agent on the 64-bit unix port: onboard, record"
    yield "samples of five points, upload them all. *Working* is the highest heap in use at any"
    yield "record, request and body chunk, minus the heap after import."
    yield ""
    rows = []
    for count, (status, output, errors) in results.items():
        if status:
            raise SystemExit(output + errors)
        result = json.loads(output.splitlines()[-1])
        rows += [
            (f"{count} samples: heap after import", result["imported_bytes"]),
            (f"{count} samples: working heap", result["peak_bytes"]),
        ]
    flash = sum(sizes[name] for name in result["modules"])
    rows.append(("smallest heap in which 200 samples pass", smallest * 1024))
    rows.append(("`.mpy` of the modules it loads", flash))
    yield from table(("", "bytes"), rows)
    yield "Bytes of `.mpy` by `mpy-cross`, every portable module."
    yield ""
    rows = [(f"`{name}`", size) for name, size in sorted(sizes.items())]
    yield from table(("module", "bytes"), [*rows, ("**all**", sum(sizes.values()))])


if __name__ == "__main__":
    text = "\n".join(page()) + "\n"
    with open(os.path.join(ROOT, "docs", "footprint.md"), "w", encoding="utf-8") as file:
        file.write(text)
