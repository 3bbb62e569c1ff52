"""The writer under strace: which calls it makes, and each of them killed or answered by an error."""

import os
import re
import shutil

from tests.faults import children
from tests.faults.oracle import Ledger, judge
from tests.faults.writer import BEGIN, END

# All calls by which the buffer touches files.
CHANGING = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "ftruncate",
    "fallocate",
    "unlink",
    "rename",
    "mkdir",
)
CALLS = (*CHANGING, "openat", "pread64", "close", "newfstatat", "getdents64", "link")
_LINE = re.compile(r"^(?:\d+ +)?([a-z0-9]+)\(")


def usable():
    """None, or why strace cannot be used here."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    code, _output, errors = children.run(["strace", "-qq", "-e", "trace=none", "true"])
    return None if code == 0 else "strace cannot trace: " + errors.decode()


def count_calls(folder):
    """Call -> (how often Python made it before the script, how often in all)."""
    log = os.path.join(folder, "calls")
    arguments = ["strace", "-f", "-o", log, "-e", "trace=" + ",".join(CALLS)]
    code, output, errors = children.run(
        [*arguments, *children.command("script", os.path.join(folder, "buffer"))]
    )
    assert code == 0, errors.decode()
    assert output.endswith(b"end\n")
    before, total = dict.fromkeys(CALLS, 0), dict.fromkeys(CALLS, 0)
    begun = False
    with open(log, encoding="utf-8") as file:
        for line in file:
            match = _LINE.match(line)
            if match is None:
                continue
            if END in line:
                break
            total[match[1]] += 1
            if not begun:
                before[match[1]] += 1
            begun = begun or BEGIN in line
    assert begun
    return {call: (before[call], total[call]) for call in CALLS}


def positions(folder, calls):
    """(call, number) of every one that the script makes."""
    counted = count_calls(folder)
    return [
        (call, number)
        for call in calls
        for number in range(counted[call][0] + 1, counted[call][1] + 1)
    ]


def run_injected(directory, call, what, when):
    """Run the script with one injection; what its writer said, and whether it came to its end."""
    log = directory + ".strace"
    arguments = ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + call]
    if what.startswith("error="):
        arguments.append("--seccomp-bpf")  # faster; signals cannot be injected with it
    arguments += ["-e", "inject=%s:%s:when=%s" % (call, what, when)]
    _code, output, errors = children.run([*arguments, *children.command("script", directory)])
    assert b"Traceback" not in errors, (call, what, when, errors.decode()[-2000:])
    ledger = Ledger()
    ledger.read(output)
    return ledger, output.endswith(b"end\n")


def _injected(directory):
    with open(directory + ".strace", encoding="utf-8") as file:
        return [line for line in file if "INJECTED" in line]


def _unlisted(directory):
    return any("O_DIRECTORY" in line for line in _injected(directory))


def try_injected(folder, call, what, when):
    """Run, then judge what is left in another process than the writer's."""
    directory = os.path.join(folder, "buffer")
    try:
        ledger, ended = run_injected(directory, call, what, when)
        if _unlisted(directory):
            ledger.refused = 0  # a folder that cannot be listed: `open` says so, as documented
        outcome = judge(directory, ledger)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not outcome.clean:
        outcome.notes[:0] = ["%s %s when=%s" % (call, what, when), *_injected(directory)[:1]]
    return outcome, ended
