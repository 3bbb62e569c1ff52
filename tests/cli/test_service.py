"""`mcagent service print`: what stands in the unit, and what it refuses to print."""

import configparser
import os
import re
import shutil
import subprocess

import pytest

from mcagent.cli.exits import UsageError
from mcagent.cli.serviceunit import unit
from tests.cli.running import inside, mcagent, refused

SCRIPT = "/opt/press/collect.py"
PYTHON = "/opt/press/venv/bin/python"


def lines_of(**options):
    return unit(SCRIPT, python=PYTHON, **options).splitlines()


def test_the_unit_is_printed_and_nothing_else():
    """Names come from the script; arguments go to it, variables to systemd."""
    result = inside(
        *("service", "print", "--python", PYTHON, "--"),
        *(SCRIPT, "--state", "${STATE_DIRECTORY}", "--title", "Line 7 at 50 %"),
    )
    assert result.code == 0
    assert (
        f'ExecStart={PYTHON} {SCRIPT} --state ${{STATE_DIRECTORY}} --title "Line 7 at 50 %%"'
        in result.out.splitlines()
    )
    assert "there is no /opt/press/collect.py on this machine" in result.err
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string(result.out)
    assert parser.sections() == ["Unit", "Service", "Install"]
    assert parser["Service"]["StateDirectory"] == "collect"
    assert parser["Service"]["DynamicUser"] == "yes"
    assert parser["Service"]["WatchdogSec"] == "60"


def test_it_is_printed_in_a_process_of_its_own():
    result = mcagent("service", "print", SCRIPT, "--python", PYTHON)
    assert result.code == 0
    assert result.out == unit(SCRIPT, python=PYTHON)


def test_what_a_script_without_run_gets():
    """READY=1 would never come, and the start would time out."""
    lines = lines_of(watchdog_s=0)
    assert "Type=exec" in lines
    assert not [line for line in lines if "Watchdog" in line or "notify" in line]


def test_devices_and_groups_are_opened_one_by_one():
    lines = lines_of(devices=["/dev/ttyUSB0", "/dev/gpiochip0"], groups=["dialout", "gpio"])
    assert "DeviceAllow=/dev/ttyUSB0 rw" in lines
    assert "DeviceAllow=/dev/gpiochip0 rw" in lines
    assert "DevicePolicy=closed" in lines
    assert "SupplementaryGroups=dialout gpio" in lines
    assert "PrivateDevices=yes" not in lines
    assert "PrivateDevices=yes" in lines_of()


def test_a_user_of_the_operators_takes_the_place_of_a_dynamic_one():
    lines = lines_of(user="press")
    assert "User=press" in lines
    assert "DynamicUser=yes" not in lines
    assert "NoNewPrivileges=yes" in lines  # which DynamicUser would have brought along


def test_the_boarding_configuration_is_handed_over_by_systemd():
    lines = lines_of(boarding="/etc/press/agentconfig.json")
    assert "LoadCredential=agentconfig.json:/etc/press/agentconfig.json" in lines


def test_a_script_in_a_home_directory_can_be_read():
    text = unit("/home/pi/collect.py", python=PYTHON)
    assert "ProtectHome=read-only" in text.splitlines()
    assert "ProtectHome=yes" in lines_of()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"user": "root"}, "does not run as root"),
        ({"user": "x\nExecStartPre=/bin/sh"}, "no user"),
        ({"name": "../press"}, "no name"),
        ({"groups": ["dialout adm"]}, "no group"),
        ({"devices": ["ttyUSB0"]}, "no device"),
        ({"devices": ["/dev/tty rwm\nUser=root"]}, "no device"),
        ({"boarding": "agentconfig.json"}, "no absolute path"),
        ({"boarding": "/etc/x\nUser=root"}, "no absolute path"),
        ({"arguments": ["one\nExecStartPre=/bin/sh"]}, "more than one line"),
    ],
)
def test_what_cannot_stand_in_a_unit_is_refused(options, words):
    """A newline would be a setting of its own."""
    with pytest.raises(UsageError, match=words) as caught:
        unit(SCRIPT, python=PYTHON, **options)
    assert caught.value.hint


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/opt/../tmp"])
def test_a_script_in_tmp_would_not_be_found(folder):
    with pytest.raises(UsageError, match="out of the service's sight"):
        unit(folder + "/collect.py", python=PYTHON)


def test_quotes_and_backslashes_are_systemds():
    """systemd.syntax(7), "Quoting"."""
    lines = lines_of(arguments=['say "hello"', "a\\b", ""])
    assert f'ExecStart={PYTHON} {SCRIPT} "say \\"hello\\"" "a\\\\b" ""' in lines


@pytest.mark.parametrize("seconds", ["-1", "1.5", "soon", "86401", "²"])
def test_a_watchdog_that_is_no_time_is_named(seconds):
    result = inside("service", "print", SCRIPT, f"--watchdog={seconds}")
    refused(result, 2, seconds, "seconds from 0 to 86400")


def test_systemd_reads_each_line_and_calls_it_safe(tmp_path, figure, tool_missing):
    """`systemd-analyze` reads files and starts nothing; the scale ends at 10, unsafe."""
    if shutil.which("systemd-analyze") is None:
        tool_missing("systemd-analyze is not installed")
    path = tmp_path / "collect.service"
    text = unit("/bin/true", python="/bin/true", name="collect", boarding="/etc/press.json")
    path.write_text(text, encoding="utf-8")
    command = ("systemd-analyze", "--man=no", "verify", str(path))
    verdict = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "collect.service" not in verdict.stderr  # other units of a machine have complaints, too
    assert verdict.returncode == 0, verdict.stderr
    rating = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = re.search(r"exposure level for collect.service: ([0-9.]+)", rating.stdout)
    if exposure is None:
        tool_missing("this systemd-analyze rates no file (before 250)")
    figure("systemd-analyze security", f"exposure {exposure[1]} of 10")
    assert float(exposure[1]) <= 2.0


def test_root_writes_nothing_into_the_state_of_a_services_user(tmp_path):
    """It could not read that, and would not start again; looking is allowed."""
    if os.geteuid():
        pytest.skip("only root can give a directory away")
    state = tmp_path / "state"
    state.mkdir(0o700)
    os.chown(state, 65534, 65534)
    for command in (("record", "x=1"), ("upload",), ("keepalive",)):
        refused(inside(*command, state=state), 2, "belongs to user 65534", "--reuid=65534")
    assert os.listdir(state) == []
    os.chown(state, 0, 0)
    assert inside("record", "x=1", state=state).code == 0
