"""The outermost function: commands, errors, exit codes."""

import argparse
import importlib
import os
import re
import socket
import subprocess
import sys

import pytest

from mcagent import errors
from mcagent.cli import exits, main
from tests.cli.running import ROOT, mcagent, refused


def all_errors(base=errors.AgentError):
    for kind in base.__subclasses__():
        yield kind
        yield from all_errors(kind)


def test_every_error_of_the_library_has_an_exit_code():
    """None of them is taken for a bug."""
    for kind in all_errors():
        if kind.__module__ != errors.__name__:
            continue  # a part's own, which is one of the library's too
        error = kind("x", status=400) if kind is errors.RemoteError else kind("x")
        assert exits.code_of(error) not in (exits.OK, exits.INTERNAL), kind


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (exits.UsageError("x"), 2),
        (errors.InvalidMessage("x"), 3),
        (errors.ConfigurationError("x"), 4),
        (errors.OnboardingRefused("x"), 5),
        (errors.TransportError("x"), 6),
        (errors.RemoteError("x", status=503), 6),
        (errors.RemoteError("x", status=403), 7),
        (errors.BufferFull("x"), 8),
        (OSError(28, "No space left on device"), 8),
        (OSError(13, "Permission denied", "/x"), 4),
        (ZeroDivisionError("x"), 70),
    ],
)
def test_exit_codes(error, code):
    """The table of docs/cli.md, by example."""
    assert exits.code_of(error) == code
    assert code in exits.MEANING


def test_documentation_has_the_table_of_exit_codes():
    """docs/cli.md and the code say the same, word by word."""
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
        rows = dict(re.findall(r"^\| (\d+) \| (.+?) \|$", file.read(), re.MULTILINE))
    assert rows == {str(code): meaning for code, meaning in exits.MEANING.items()}


def test_documentation_names_every_command_and_option():
    """Nothing that `--help` shows is missing in docs/cli.md."""
    with open(os.path.join(ROOT, "docs", "cli.md"), encoding="utf-8") as file:
        text = file.read()
    for command in main.COMMANDS:
        section = re.search(
            rf"^## `mcagent {command}.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
        )
        assert section, command
        if command == "emulator":
            continue  # its options stand in emulator.md
        shown = mcagent(command, "--help").out
        options = set(re.findall(r"(?<![\w-])--[a-z-]+", shown))
        shared = {"--help", "--debug", "--state", "--json", "--ca", "--crl", "--proxy"}
        for option in options:
            assert option in (text if option in shared else section.group()), (command, option)


def test_help_lists_commands_and_exit_codes():
    """`mcagent --help` is the map."""
    result = mcagent("--help")
    assert result.code == 0
    for command in main.COMMANDS:
        assert re.search(rf"^    {command}(?: |$)", result.out, re.MULTILINE)
    assert "Exit codes: 0 done" in " ".join(result.out.split())


def test_help_of_status_promises_what_files_can_tell():
    """What happens next is in the owner's memory alone."""
    assert "next" not in mcagent("status", "--help").out
    assert "happens next" not in mcagent("--help").out


@pytest.mark.parametrize("command", [name for name in main.COMMANDS if name != "emulator"])
def test_every_command_has_help(command):
    """Without a state directory, and without an error."""
    result = mcagent(command, "--help")
    assert result.code == 0
    assert result.out.startswith(f"usage: mcagent {command}")


def parsers(parser):
    """*parser*, and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from parsers(below)


@pytest.mark.parametrize("command", [name for name in main.COMMANDS if name != "emulator"])
def test_what_stands_below_a_command_has_help(command):
    """`mcagent agents create --help`: argparse finds out that it cannot print one when it is asked."""
    parser = argparse.ArgumentParser(prog=f"mcagent {command}")
    importlib.import_module(f"mcagent.cli.{command}").configure(parser)
    for one in parsers(parser):
        assert one.format_help().startswith(f"usage: mcagent {command}")


def test_emulator_has_options_of_its_own():
    """They are handed on, help included."""
    result = mcagent("emulator", "--help")
    assert result.code == 0
    assert "--strict" in result.out


@pytest.mark.parametrize("arguments", [("--state", "x"), ("--state=x",)])
@pytest.mark.parametrize("options", [(), ("--http", "--port", "0")])
def test_emulator_is_no_device(arguments, options):
    """A state directory before it is a usage error that says what to give instead."""
    refused(mcagent(*arguments, "emulator", *options), 2, "--state", "--data")


@pytest.mark.parametrize("port", ["x", "99999", "-1", "9" * 5000])
def test_emulator_with_a_port_that_is_none(port):
    """One line and a hint, as from every command."""
    refused(mcagent("emulator", "--port", port), 2, "--port", "0 to 65535")


def test_emulator_with_a_taken_port():
    """What is in use, and what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = mcagent("emulator", "--http", "--port", port)
    refused(result, 4, f"mcagent: cannot start: port {port}", "in use", "--port 0")


def test_words_from_afar_are_no_orders_to_the_terminal(capsys):
    """The words of a captive portal, or of whoever answers in the platform's place."""
    exits.complain("HTTP 511 \x1b]0;owned\x07 Stra\u00dfe", "see \x1b[2J")
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "\x07" not in told
    assert "\\x1b[2J" in told
    assert "Stra\u00dfe" in told


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("record", "--quick"),
        ("status", "x"),
        ("event",),
        ("event", "x", "--severity", "bad"),
    ],
)
def test_wrong_command_line_is_one_line_and_a_hint(arguments):
    """As every other error."""
    refused(mcagent(*arguments, state="/nowhere"), 2, "--help")


def test_state_directory_has_no_default():
    """A forgotten option must not start an empty buffer somewhere."""
    refused(mcagent("status"), 2, "--state", "MCAGENT_STATE")
    refused(mcagent("record", "a=1"), 2, "--state")


def test_version():
    """`mcagent --version`, and `python -m mcagent`."""
    result = mcagent("--version")
    assert result.code == 0
    assert re.fullmatch(r"mcagent \d+\.\d+\.\d+\n", result.out)


def test_debug_shows_the_traceback(tmp_path):
    """Before the command and after it; without it there is none."""
    for arguments in (("--debug", "record", "x"), ("record", "x", "--debug")):
        result = mcagent(*arguments, state=tmp_path)
        assert result.code == 2
        assert "Traceback" in result.err
        assert result.lines[-2].startswith("mcagent: 'x' is not POINT=VALUE")


def test_a_bug_is_told_without_a_traceback(monkeypatch, capsys):
    """Whatever goes wrong inside: one line, a hint, 70."""

    def broken(_args):
        raise KeyError("lane")

    monkeypatch.setattr("mcagent.cli.status.run", broken)
    assert main.main(["status"]) == 70
    error = capsys.readouterr().err.splitlines()
    assert error[0] == "mcagent: internal error: KeyError: 'lane'"
    assert "--debug" in error[1]


def test_interrupt_is_130(monkeypatch, capsys):
    """Ctrl-C is no error to explain."""

    def interrupted(_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("mcagent.cli.status.run", interrupted)
    assert main.main(["status"]) == 130
    assert capsys.readouterr().err == ""


def test_closed_pipe_is_quiet():
    """`mcagent model | head -0`: who reads has seen enough."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    program = (
        "from mcagent.cli import main, common\n"
        "import types; args = types.SimpleNamespace(json=False)\n"
        "main._run = lambda _arguments: common.show(args, {}, 'x' * 100_000)\n"
        "raise SystemExit(main.main([]))"
    )
    process = subprocess.run(
        [sys.executable, "-c", program],
        stdout=write_end,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=ROOT),
        check=False,
        timeout=60,
    )
    os.close(write_end)
    assert (process.returncode, process.stderr) == (0, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_end_quietly(tmp_path, closed):
    """`mcagent status --json >&-`: no traceback, and the command does its work."""
    env = dict(os.environ, PYTHONPATH=ROOT, MCAGENT_STATE=str(tmp_path))
    for command in ("event hello", "status --json"):
        process = subprocess.run(
            ["sh", "-c", f'exec "{sys.executable}" -m mcagent {command} {closed}'],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=env,
        )
        assert (process.returncode, process.stderr) == (0, "")
    assert mcagent("status", "--json", state=tmp_path).json["pending"] == 1


def test_only_the_command_that_is_called_is_loaded():
    """`mcagent record --help` knows nothing of the demo, rich, urllib3 or the emulator."""
    program = (
        "import sys; from mcagent.cli.main import main\n"
        "try: main(['record', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    env = dict(os.environ, PYTHONPATH=ROOT)
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=env, check=True
    )
    loaded = set(process.stderr.split())
    assert "mcagent.cli.record" in loaded
    heavy = {"urllib3", "ssl", "rich", "psutil", "jwt", "mcagent.emulator", "mcagent.cli.demo"}
    assert not heavy & loaded
