"""What the tests of the house rules know about the source: modules, layers, lines, imports."""

import ast
import io
import os
import tokenize

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGE = os.path.join(ROOT, "mcagent")

# Portable: run unchanged on MicroPython. A package here means every module in it, without those
# in CPYTHON_ONLY. CONTRIBUTING, "Layers", says the same to people.
PORTABLE = (
    "mcagent.agent",
    "mcagent.boarding",
    "mcagent.buffer",
    "mcagent.calendar",
    "mcagent.credentials",
    "mcagent.errors",
    "mcagent.inbox",
    "mcagent.intake",
    "mcagent.limits",
    "mcagent.loop",
    "mcagent.messages",
    "mcagent.modelstore",
    "mcagent.outgoing",
    "mcagent.runtime",
    "mcagent.status",
    "mcagent.transport",
    "mcagent.upload",
)
CPYTHON_ONLY = (
    "mcagent.credentials.rsa",
    "mcagent.rejected",
    "mcagent.runtime.clock",
    "mcagent.runtime.cpython",
    "mcagent.runtime.signals",
    "mcagent.transport.cpython",
    "mcagent.upload.fileparts",
    "mcagent.upload.fileservice",
    "mcagent.upload.iotfile",
    "mcagent.upload.parcelfailure",
    "mcagent.upload.uploadnote",
    "mcagent.worker",
)


def modules():
    """Dotted name -> path of every module of the package."""
    found = {}
    for folder, folders, files in os.walk(PACKAGE):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for file in sorted(files):
            if file.endswith(".py"):
                path = os.path.join(folder, file)
                name = os.path.relpath(path, ROOT)[:-3].replace(os.sep, ".")
                found[name.removesuffix(".__init__")] = path
    return found


def portable_modules():
    """The part of `modules` that runs on MicroPython, `mcagent` itself included."""
    return {
        name: path
        for name, path in modules().items()
        if name == "mcagent" or (_within(name, PORTABLE) and not _within(name, CPYTHON_ONLY))
    }


def _within(name, entries):
    """True where *name* is one of the modules or packages *entries*, or inside one."""
    return any(name == entry or name.startswith(entry + ".") for entry in entries)


def code_lines(path):
    """Lines that hold code: no blank lines, no comments, no docstrings."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    docstrings = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstrings.update(range(first.lineno, first.end_lineno + 1))
    lines = set()
    empty = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in empty and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstrings)


def run_time_nodes(tree):
    """Every node outside `if TYPE_CHECKING:`, with the function depth at which it stands."""
    stack = [(tree, 0)]
    while stack:
        node, depth = stack.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            stack.extend((child, depth) for child in node.orelse)
            continue
        yield node, depth
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            depth += 1
        stack.extend((child, depth) for child in ast.iter_child_nodes(node))


def parse(path):
    """The syntax tree of the module at *path*."""
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read(), path)


def imports(name, path, known):
    """(imported module, line, function depth) of every run-time import in module *name*.

    *known* holds the modules of the house: `from .buffer import lane` imports `…buffer.lane`.
    """
    package = name if os.path.basename(path) == "__init__.py" else name.rpartition(".")[0]
    for node, depth in run_time_nodes(parse(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, depth
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join(above + ([base] if base else []))
            for alias in node.names:
                inner = base + "." + alias.name
                yield (inner if inner in known else base), node.lineno, depth
