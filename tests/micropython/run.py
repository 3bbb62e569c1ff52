"""Run portable test files on MicroPython itself (CPython works too).

    micropython tests/micropython/run.py tests/buffer/test_segment.py …

A portable test file says `# portable` in its first line and holds functions `test_*` without
parameters. Prints each failure with its traceback, and as the last line `passed=N failed=N`;
ends with status 1 when anything failed or a file holds no test. Run it in the repository;
MCAGENT_PATH names a folder with another copy of mcagent, such as the compiled one.
"""

import os
import sys

MARK = "# portable"


def is_portable(path):
    """True where the first line of *path* is the mark."""
    with open(path) as file:
        return file.readline().strip() == MARK


def run_file(path):
    """Run every test in *path* (relative to the repository); return (passed, failed)."""
    module = __import__(path[:-3].replace("/", "."), None, None, ("test",))
    names = sorted(name for name in dir(module) if name.startswith("test_"))
    failed = 0
    for name in names:
        try:
            getattr(module, name)()
        except Exception as error:
            failed += 1
            print("FAILED %s::%s" % (path, name))
            print_exception(error)
    if not names:
        print("FAILED %s: no test in it" % path)
        return 0, 1
    return len(names) - failed, failed


def print_exception(error):
    """Print *error* with its traceback on either interpreter."""
    if hasattr(sys, "print_exception"):
        sys.print_exception(error)
    else:
        import traceback

        traceback.print_exception(error, file=sys.stdout)


def main(paths):
    passed = failed = 0
    for path in paths:
        if not is_portable(path):
            print("FAILED %s: its first line is not %r" % (path, MARK))
            failed += 1
            continue
        counts = run_file(path)
        passed += counts[0]
        failed += counts[1]
    print("passed=%d failed=%d" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    # The script's own folder stands first: `tests.micropython` must not hide the real thing.
    sys.path[0] = "."
    if os.getenv("MCAGENT_PATH"):
        sys.path.insert(0, os.getenv("MCAGENT_PATH"))
    sys.exit(main(sys.argv[1:]))
