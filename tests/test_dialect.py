"""The dialect of the portable modules: what MicroPython lacks is not used. CONTRIBUTING, "Dialect".

MicroPython itself finds what does not compile (`tox -e micropython`); here stands what compiles
and then fails, or differs, on a device.
"""

import ast
import subprocess
import sys

import pytest

from tests.source_tree import ROOT, imports, modules, parse, portable_modules, run_time_nodes

ABSENT_MODULES = """__future__ abc base64 calendar contextlib copy csv dataclasses datetime enum
fcntl functools hmac http itertools logging multiprocessing os.path pathlib queue secrets shutil
signal socketserver sqlite3 stat string subprocess tempfile threading traceback types typing
unittest urllib uuid warnings zlib"""
ABSENT_NAMES = """BrokenPipeError ConnectionAbortedError ConnectionError ConnectionRefusedError
ConnectionResetError FileExistsError FileNotFoundError InterruptedError IsADirectoryError
ModuleNotFoundError NotADirectoryError PermissionError TimeoutError UnicodeDecodeError
UnicodeEncodeError Warning vars"""
ABSENT_METHODS = """__cause__ bit_length casefold fsync isascii isprintable ljust makedirs
monotonic monotonic_ns removeprefix removesuffix rjust st_mtime st_size translate with_traceback
zfill"""

# What importing the portable modules may not load on CPython.
HEAVY = """asyncio cryptography dataclasses email hashlib http jwt logging pathlib socket sqlite3
ssl starlette subprocess typing ujson urllib3 uvicorn"""


def portable_sources():
    """Portable modules without `runtime`, whose two halves are each for one interpreter."""
    return {
        name: path
        for name, path in portable_modules().items()
        if not name.startswith("mcagent.runtime")
    }


@pytest.mark.parametrize("name", sorted(portable_sources()))
def test_module_imports_nothing_that_a_device_lacks(name):
    """Modules that MicroPython has not are reached through `runtime` only.

    An import inside a function is allowed beside a check of the interpreter, which is a matter of
    review; at module level it would keep the device from starting.
    """
    found = [
        f"line {line}: {imported}"
        for imported, line, depth in imports(name, portable_sources()[name], modules())
        if not depth and ({imported, imported.split(".")[0]} & set(ABSENT_MODULES.split()))
    ]
    assert found == []


@pytest.mark.parametrize("name", sorted(portable_sources()))
def test_module_uses_no_name_that_a_device_lacks(name):
    """Builtins and methods that exist on CPython only."""
    names, methods = ABSENT_NAMES.split(), ABSENT_METHODS.split()
    found = [
        f"line {node.lineno}: {getattr(node, 'id', '') or node.attr}"
        for node, _depth in run_time_nodes(parse(portable_sources()[name]))
        if (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in methods)
    ]
    assert found == []


def foreign_form(node):
    """The name of a form that MicroPython refuses or silently ignores; "" for all others."""
    match node:
        case ast.arguments(posonlyargs=[_, *_]):
            return "positional-only parameters"
        case ast.Dict(keys=keys) if None in keys:
            return "{**mapping}"
        case (
            ast.List(elts=items) | ast.Tuple(elts=items, ctx=ast.Load()) | ast.Set(elts=items)
        ) if not isinstance(getattr(node, "ctx", None), ast.Store) and any(
            isinstance(item, ast.Starred) for item in items
        ):
            return "[*items]"
        case ast.ClassDef(bases=[_, _, *_]) | ast.ClassDef(keywords=[_, *_]):
            return "a class with several bases or a metaclass"
        case ast.Match():
            return "match"
        case ast.Raise(cause=ast.expr() as cause) if not isinstance(cause, ast.Constant):
            return "raise … from (there is no __cause__: put it into the text)"
    return ""


@pytest.mark.parametrize("name", sorted(portable_sources()))
def test_module_keeps_to_the_common_syntax(name):
    """No form that one of the interpreters does not know."""
    found = [
        (getattr(node, "lineno", 0), foreign_form(node))
        for node, _depth in run_time_nodes(parse(portable_sources()[name]))
        if foreign_form(node)
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "def f(a, /): pass",
        "x = {**a}",
        "x = [*a]",
        "x = (*a, 1)",
        "class A(B, C): pass",
        "class A(metaclass=M): pass",
        "match x:\n case 1: pass",
        "raise A from error",
    ],
)
def test_foreign_forms_are_found(source):
    """The check above sees what it is for."""
    assert any(foreign_form(node) for node in ast.walk(ast.parse(source)))


@pytest.mark.parametrize("source", ["a, *b = c", "f(*a, **b)", "raise A from None", "x = {1: 2}"])
def test_common_forms_are_left_alone(source):
    """Forms that work on both."""
    assert not any(foreign_form(node) for node in ast.walk(ast.parse(source)))


def test_portable_modules_import_on_this_python_and_cost_little():
    """Every portable module loads, also on the oldest Python, and loads nothing heavy."""
    names = [name for name in sorted(portable_modules()) if not name.endswith(".micropython")]
    script = (
        "import sys\n"
        f"sys.path.insert(0, {ROOT!r})\n"
        f"for name in {names!r}: __import__(name)\n"
        f"print(*sorted(set(sys.modules) & set({HEAVY.split()!r})))\n"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
