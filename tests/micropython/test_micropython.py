"""The portable modules on MicroPython itself: its unix port, because no board was at hand."""

import json
import os
import subprocess
import sys

import pytest

from tests.micropython import toolchain
from tests.micropython.run import is_portable
from tests.source_tree import ROOT, portable_modules

CROSSCHECK = "tests/micropython/device/crosscheck.py"
HEAP = "tests/micropython/device/heap.py"
# (goal, ceiling) in bytes, on the 64-bit port. A goal is what small boards ask for; a ceiling is
# what was reached (docs/adr/0013).
FLASH = (60_000, 177_000)
WORKING_HEAP = (40 * 1024, 80 * 1024)
WHOLE_HEAP = (224 * 1024, 480 * 1024)  # and one step of the measure, which is 8 kB


def portable_files():
    """Test files that say `# portable`, as paths in the repository."""
    found = []
    for folder, folders, files in os.walk(os.path.join(ROOT, "tests")):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found += [os.path.join(folder, name) for name in files if name.startswith("test_")]
    return sorted(os.path.relpath(path, ROOT) for path in found if is_portable(path))


def test_interpreter_is_micropython(micropython, tmp_path, figure):
    """What ran is what is said to have run."""
    script = tmp_path / "version.py"
    script.write_text("import sys; print(sys.implementation.name, sys.version)")
    version = micropython(script)
    figure("MicroPython", version.strip())
    assert version.startswith("micropython ")


def test_every_portable_module_compiles(compiled, figure):
    """mpy-cross takes each; the sizes are what a device's flash holds."""
    sizes = {name: os.stat(path).st_size for name, path in compiled.items()}
    figure("all portable modules", f"{sum(sizes.values())} bytes of .mpy in {len(sizes)} files")
    assert set(sizes) == set(portable_modules())


@pytest.mark.parametrize("name", sorted(portable_modules()))
def test_module_imports(micropython, name, tmp_path):
    """Each portable module loads alone, from its compiled form."""
    script = tmp_path / "load.py"
    script.write_text(
        "import os, sys\n"
        "sys.path.insert(0, os.getenv('MCAGENT_PATH'))\n"
        f"__import__({name!r})\n"
        f"print(sys.modules[{name!r}].__file__)\n"
    )
    assert micropython(script).strip().endswith(".mpy")


@pytest.fixture(scope="module")
def passed():
    """Path -> tests passed on MicroPython."""
    return {}


@pytest.mark.parametrize("path", portable_files())
def test_portable_file(micropython, path, passed):
    """The modules' own tests pass on the device's interpreter."""
    last = micropython("tests/micropython/run.py", path).splitlines()[-1]
    assert last.endswith(" failed=0")
    passed[path] = int(last.split()[0].partition("=")[2])


def test_how_many_passed(passed, figure):
    """The sum over the files before."""
    figure(
        "portable tests on MicroPython",
        f"{sum(passed.values())} passed, 0 failed in {len(passed)} files",
    )
    assert all(passed.values()), "a file without a test"


def on_cpython(*args):
    """What crosscheck.py prints on this interpreter."""
    done = subprocess.run(
        [sys.executable, CROSSCHECK, *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_fragments_are_byte_equal(micropython):
    """The same values make the same bytes on both interpreters."""
    assert micropython(CROSSCHECK, "fragments") == on_cpython("fragments")


def test_micropython_reads_what_cpython_wrote(micropython, tmp_path):
    """A card moved from one device to another loses nothing."""
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    on_cpython("write", one)
    on_cpython("write", other)
    expected = on_cpython("read", other)
    assert expected.count("\n") > 300
    assert micropython(CROSSCHECK, "read", one) == expected


def test_cpython_reads_what_micropython_wrote(micropython, tmp_path):
    """And the other way round."""
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    micropython(CROSSCHECK, "write", one)
    micropython(CROSSCHECK, "write", other)
    expected = micropython(CROSSCHECK, "read", other)
    assert expected.count("\n") > 300
    assert on_cpython("read", one) == expected


def test_agent_runs_in_a_bounded_heap(micropython, compiled, mpy_dir, figure):
    """Onboard, record and upload: the working heap does not grow with the backlog."""
    small = json.loads(micropython(HEAP, 50))
    large = json.loads(micropython(HEAP, 1000))
    flash = sum(os.stat(compiled[name]).st_size for name in large["modules"])
    heap = toolchain.smallest_heap_kb(mpy_dir, HEAP, 200)
    measured = {
        ".mpy of a time series agent": (flash, FLASH),
        "working heap, 50 samples": (small["peak_bytes"], WORKING_HEAP),
        "working heap, 1000 samples": (large["peak_bytes"], WORKING_HEAP),
        "smallest heap for all of it": (heap * 1024, WHOLE_HEAP),
    }
    figure("heap after import", f"{large['imported_bytes']} bytes")
    for name, (value, (goal, _ceiling)) in measured.items():
        verdict = "within" if value <= goal else "OVER"
        figure(name, f"{value} bytes, {verdict} the goal of {goal}")
    assert small["pending"] == large["pending"] == 0
    assert large["delivered"] == 1001  # and the model
    assert large["peak_bytes"] < 1.2 * small["peak_bytes"]
    over = {n: value for n, (value, (_goal, ceiling)) in measured.items() if value > ceiling}
    assert over == {}
