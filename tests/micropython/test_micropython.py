"""The portable modules on MicroPython itself: its unix port, because no board was at hand."""

import os

import pytest

from tests.conftest import FIGURES
from tests.micropython.run import is_portable
from tests.source_tree import ROOT, portable_modules


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
def passed(pytestconfig):
    """Path -> tests passed on MicroPython; the sum is printed after the last file."""
    counts = {}
    yield counts
    if counts:
        total = f"{sum(counts.values())} passed, 0 failed in {len(counts)} files"
        pytestconfig.stash[FIGURES].append(("portable tests on MicroPython", total))


@pytest.mark.parametrize("path", portable_files())
def test_portable_file(micropython, path, passed):
    """The modules' own tests pass on the device's interpreter."""
    last = micropython("tests/micropython/run.py", path).splitlines()[-1]
    assert last.endswith(" failed=0")
    passed[path] = int(last.split()[0].partition("=")[2])
