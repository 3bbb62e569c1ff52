"""The command line as a user has it: a process, its output and its exit code."""

import contextlib
import io
import json
import os
import subprocess
import sys

from mcagent.cli import main

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MODEL = {
    "configurationId": "press-7",
    "dataSources": [
        {
            "name": "press",
            "dataPoints": [
                {"id": "temperature", "type": "DOUBLE", "unit": "°C"},
                {"id": "strokes", "type": "LONG", "unit": ""},
                {"id": "running", "type": "BOOLEAN", "unit": ""},
                {"id": "second", "type": "BOOLEAN", "unit": ""},
                {"id": "third", "type": "BOOLEAN", "unit": ""},
                {"id": "note", "type": "STRING", "unit": "", "length": 20},
                {"id": "report", "type": "BIG_STRING", "unit": ""},
                {"id": "since", "type": "TIMESTAMP", "unit": ""},
            ],
        }
    ],
}


class Result:
    """What a command left behind."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    @property
    def json(self):
        """The object that stands alone on standard output."""
        return json.loads(self.out)

    @property
    def lines(self):
        return self.err.splitlines()

    def __repr__(self):
        return f"<{self.code}\n{self.out}{self.err}>"


def mcagent(*arguments, state=None, stdin=None, env=None, **options):
    """Run `mcagent …` in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "MCAGENT_STATE"}
    environment["PYTHONPATH"] = os.pathsep.join(
        path for path in (ROOT, os.environ.get("PYTHONPATH")) if path
    )
    environment.update(env or {})
    if state is not None:
        environment["MCAGENT_STATE"] = str(state)
    process = subprocess.run(
        [sys.executable, "-m", "mcagent", *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
        **options,
    )
    assert "Traceback" not in process.stderr or "--debug" in arguments, process.stderr
    return Result(process.returncode, process.stdout, process.stderr)


def inside(*arguments, state=None):
    """The same in this process: ten times as fast, for tests that run many commands."""
    out, err = io.StringIO(), io.StringIO()
    options = [] if state is None else ["--state", str(state)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main([*options, *map(str, arguments)])
    assert "Traceback" not in err.getvalue()
    return Result(code, out.getvalue(), err.getvalue())


def refused(result, code, *words, hint=True):
    """Assert one line that says what happened, with *words*, and a hint below it."""
    assert result.code == code, result
    assert result.out == "", result
    assert len(result.lines) == (2 if hint else 1), result
    assert result.lines[0].startswith("mcagent: "), result
    assert not hint or result.lines[1].startswith("  hint: "), result
    for word in words:
        assert word in result.err, (word, result)


def write_json(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
