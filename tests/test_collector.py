"""What collectors share: the file with its points, troubles, the link to the machine."""

import logging
import sys

import pytest

from mcagent import Agent, ConfigurationError, TimeSeries
from mcagent.cli.main import main
from mcagent.collector import CollectorFile, Link, Troubles, run_collector, secret
from mcagent.live import read_live
from tests.test_agent import stored

HEAD = """
[agent]
state = "state"

[modbus]
host = "plc"
"""
POINTS = """
[[points]]
id = "oil"
unit = "°C"
register = 7

[[points]]
id = "strokes"
type = "LONG"
source = "counters"
register = 8
"""


def read(tmp_path, text, name="press-7", **options):
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return CollectorFile(str(path), "modbus", {"host": str}, {"register": int}, **options)


def test_a_file_gives_peer_points_and_model(tmp_path):
    file = read(tmp_path, HEAD + POINTS)
    assert file.peer.host == "plc"
    assert [(point.id, point.type, point.register) for point in file.points] == [
        ("oil", "DOUBLE", 7),
        ("strokes", "LONG", 8),
    ]
    assert [source.name for source in file.model.sources] == ["press-7", "counters"]
    assert file.model.points["oil"].unit == "°C"
    assert file.troubles.counts == {}


def test_another_table_is_another_model(tmp_path):
    """The platform wants a new configuration id where points changed, and none otherwise."""
    first = read(tmp_path, HEAD + POINTS).model
    assert read(tmp_path, HEAD + POINTS.replace("register = 7", "register = 9")).model == first
    second = read(tmp_path, HEAD + POINTS.replace("°C", "K")).model
    assert second.id != first.id
    assert len(read(tmp_path, HEAD + POINTS, name="n" * 60).model.id) == 36


def test_points_that_are_not_read_together_have_sources_of_their_own(tmp_path):
    """Samples of one aspect with one time would replace each other."""
    more = '[[points]]\nid = "water"\nregister = 7\n'
    file = read(tmp_path, HEAD + POINTS + more, together="register")
    names = {
        point.id: source.name for source in file.model.sources for point in source.data_points
    }
    assert names == {"oil": "oil", "water": "oil", "strokes": "counters"}


@pytest.mark.parametrize(
    ("entry", "told", "in_model"),
    [
        ('id = "bad"\nregister = "7"', "register = '7' is not a whole number", True),
        ('id = "bad"', "'register' is missing", True),
        ('id = "bad"\nregister = 1\nscael = 2', "no setting 'scael'", False),
        ('id = "bad"\ntype = "FLOAT"\nregister = 1', "FLOAT", False),
        ('id = "oil"\nregister = 1', "a point 'oil' already", False),
        ('id = "bad"\nregister = 666', "there is no register 666", True),
        (f'id = "bad"\nregister = 1\nsource = "{"s" * 300}"', "300 characters, 64 allowed", False),
    ],
)
def test_a_wrong_point_is_told_and_the_rest_goes_on(tmp_path, caplog, entry, told, in_model):
    """It keeps its place in the model where it can: its mapping would be lost."""

    def check(point):
        if point.register == 666:
            raise ConfigurationError("there is no register 666", hint="look it up")

    file = read(tmp_path, HEAD + POINTS + "[[points]]\n" + entry + "\n", check=check)
    assert [point.id for point in file.points] == ["oil", "strokes"]
    assert ("bad" in file.model.points) is in_model
    assert list(file.troubles.counts.values()) == [1]
    (record,) = caplog.records
    assert told in record.getMessage()
    assert "point 3" in record.getMessage()


def test_what_only_one_point_may_have_is_refused_to_the_second(tmp_path, caplog):
    """Its values could be only one point's."""
    more = '[[points]]\nid = "water"\nregister = 7\n'
    file = read(tmp_path, HEAD + POINTS + more, unique="register")
    assert [point.id for point in file.points] == ["oil", "strokes"]
    assert "register 7 is that of 'oil' already; each register is one point's" in caplog.text
    assert "water" in file.model.points


def test_what_is_no_table_is_told_with_its_place_once(tmp_path, caplog):
    with pytest.raises(ConfigurationError, match="no point that could be collected"):
        read(tmp_path, "points = [1]\n" + HEAD)
    (record,) = caplog.records
    assert record.getMessage().count("point 1") == 1
    assert "is 1, not a table" in record.getMessage()


def test_a_file_without_a_right_point_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="no point that could be collected"):
        read(tmp_path, HEAD + '[[points]]\nid = "oil"\n')
    with pytest.raises(ConfigurationError, match="no point that could be collected"):
        read(tmp_path, HEAD)
    with pytest.raises(ConfigurationError, match=r"\[points\] is one table"):
        read(tmp_path, HEAD + "[points]\nid = 1\n")
    with pytest.raises(ConfigurationError, match=r"no section \[modbsu\]"):
        read(tmp_path, HEAD + POINTS + "[modbsu]\n")


def test_a_file_without_points_is_for_files_and_events(tmp_path):
    """No model; the quota is that of the files, which are synced one by one."""
    path = tmp_path / "logs.toml"
    path.write_text(HEAD.replace('"state"', '"state"\nquota_mib = 700'))
    file = CollectorFile(str(path), "modbus", {"host": str})
    assert file.model is None
    with file.open_agent(policy="reject") as agent:
        assert agent.model is None
        assert agent.status().lanes["files"]["quota_bytes"] == 700 * 1024 * 1024
    for text in (HEAD + POINTS, HEAD.replace('"state"', '"state"\nsync_every_s = 1.0')):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=r"no section \[points\]|no setting 'sync"):
            CollectorFile(str(path), "modbus", {"host": str})


def test_the_agent_is_opened_beside_the_file_with_its_settings(tmp_path, monkeypatch):
    """Not in whatever folder the service was started."""
    monkeypatch.chdir("/")
    text = HEAD.replace('"state"', '"state"\nquota_mib = 1\nsync_every_s = 0')
    with read(tmp_path, text + POINTS).open_agent() as agent:
        assert agent.directory == str(tmp_path / "state")
        assert agent.record({"oil": 1.5}).durable
        assert agent.status().lanes["timeseries"]["quota_bytes"] == 1024 * 1024
        assert agent.status().model.startswith("press-7-")


def test_paths_may_come_from_the_service_manager(tmp_path, monkeypatch):
    """systemd says where state and credentials are; without it the line says what is missing."""
    file = read(tmp_path, HEAD.replace('"state"', '"${STATE_DIRECTORY}/agent"') + POINTS)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "lib"))
    with file.open_agent() as agent:
        assert agent.directory == str(tmp_path / "lib" / "agent")
    assert file.path("$HOME/${STATE_DIRECTORY") == str(tmp_path / "$HOME/${STATE_DIRECTORY")
    monkeypatch.delenv("STATE_DIRECTORY")
    with pytest.raises(ConfigurationError, match=r"names \$\{STATE_DIRECTORY\}") as caught:
        file.open_agent()
    assert "mcagent service print" in caught.value.hint


def test_troubles_are_told_at_first_and_then_seldom(caplog):
    """1, 10, 100 …: neither silence nor a log that fills the disk."""
    troubles = Troubles()
    for _ in range(150):
        troubles.tell("press/7/oil", "the payload\nis 'n/a'", hint="mend it")
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "press/7/oil: the payload is 'n/a'; mend it",
        "press/7/oil: the payload is 'n/a' (10 times); mend it",
        "press/7/oil: the payload is 'n/a' (100 times); mend it",
    ]
    assert str(troubles) == "troubles: press/7/oil 150"


def test_what_goes_wrong_is_seen_by_mcagent_status_while_it_runs(tmp_path, capsys):
    """Counts and the latest words, from memory: nothing is written for them."""
    file = read(tmp_path, HEAD + POINTS)
    with file.open_agent() as agent:
        link = Link(agent, "modbus plc:502")
        agent.start()
        assert read_live(agent.directory)["troubles"] == []
        assert read_live(agent.directory)["link"]["up"] is None
        files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        for number in range(11):
            file.troubles.tell(f"topic {number}", "is not in the table")
            file.troubles.tell("oil", f"{number} is no DOUBLE")
        link.up = True
        assert files == {path: path.stat().st_mtime_ns for path in files}
        link.lost("timed out")
        status = read_live(agent.directory)
        (oil,) = [one for one in status["troubles"] if one["subject"] == "oil"]
        assert (oil["count"], oil["last"]) == (11, "10 is no DOUBLE")
        assert len(status["troubles"]) == 12
        assert main(["--state", agent.directory, "status"]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        assert "machine modbus plc:502: no connection, lost 1 time: timed out" in shown
        assert "trouble: oil 11 times, the last 0" in shown
        assert "2 more: --json shows all" in shown
    assert read_live(agent.directory) is None
    assert main(["--state", agent.directory, "status"]) == 0
    assert "trouble" not in capsys.readouterr().out


def test_a_name_that_no_terminal_takes_is_told_all_the_same(caplog):
    """A file's name that is no UTF-8: printing the counts must not end a collector with an error."""
    troubles = Troubles()
    troubles.tell("press-\udce4.log", "cannot be read: \udcff")
    assert str(troubles).encode() == b"troubles: press-\\udce4.log 1"
    assert caplog.records[0].getMessage().encode() == b"press-\\udce4.log: cannot be read: \\udcff"


def test_troubles_of_strangers_are_bounded():
    troubles = Troubles()
    logging.getLogger("mcagent.collector").disabled = True
    try:
        for number in range(5000):
            troubles.tell(f"topic {number}", "is not in the table")
    finally:
        logging.getLogger("mcagent.collector").disabled = False
    assert len(troubles.counts) == len(troubles.to_list()) == 1001
    assert sum(troubles.counts.values()) == 5000


def test_a_link_tells_changes_once_and_spares_the_events(tmp_path, caplog):
    """One pair of events a minute at most; the log has each of these few changes."""
    caplog.set_level(logging.INFO)
    now_s = 0.0
    with Agent.open(str(tmp_path)) as agent:
        link = Link(agent, "modbus plc:502", clock=lambda: now_s)
        link.made()
        link.made()
        assert link.up
        for _ in range(3):
            link.lost("timed out")
            link.lost("timed out")
            now_s += 1
            link.made()
        now_s = 70.0
        link.lost("refused")
        link.made()
        events = [row["description"] for row in stored_events(agent)]
    assert link.losses == 4
    assert events == [
        "modbus plc:502: connection lost",
        "modbus plc:502: connected again, 1 losses so far",
        "modbus plc:502: connection lost",
        "modbus plc:502: connected again, 4 losses so far",
    ]
    lines = [record.getMessage() for record in caplog.records]
    assert len([line for line in lines if "no connection" in line]) == 4


def test_a_machine_that_comes_and_goes_every_second_does_not_fill_the_log(tmp_path, caplog):
    """A day of it: ten losses and their returns, then a pair a minute, each with the count."""
    caplog.set_level(logging.INFO)
    now_s = 0.0
    with Agent.open(str(tmp_path)) as agent:
        link = Link(agent, "modbus plc:502", clock=lambda: now_s)
        link.made()
        for _ in range(86_400):
            link.lost("timed out")
            now_s += 0.5
            link.made()
            now_s += 0.5
        assert link.to_dict()["losses"] == 86_400
    lines = [record.getMessage() for record in caplog.records if "plc" in record.getMessage()]
    lost = [line for line in lines if "no connection" in line]
    assert 1440 <= len(lost) <= 1450
    assert len(lines) == 2 * len(lost) + 1
    assert lost[9] == "modbus plc:502: no connection, trying again: timed out"
    assert lost[10].startswith("modbus plc:502: no connection, ")
    assert " losses so far, trying again: timed out" in lost[10]


def stored_events(agent):
    return stored(agent, "events")


def test_an_error_ends_a_collector_with_a_line_and_a_hint(monkeypatch):
    def main(path):
        raise ConfigurationError(f"{path} is wrong", hint="mend it")

    monkeypatch.setattr(sys, "argv", ["collector", "press.toml"])
    with pytest.raises(SystemExit) as caught:
        run_collector(main, "Collect.")
    assert str(caught.value) == "press.toml is wrong\n  hint: mend it"


def test_the_loop_takes_samples_with_time_and_quality_of_their_own(tmp_path):
    """What a machine says of its values goes the whole way."""
    with Agent.open(str(tmp_path)) as agent:
        kept = []

        def collect():
            if kept:
                agent.flush()
                kept.extend(stored(agent))
                assert agent.status().loop["samples"] == 1
                return agent.close()
            kept.append(agent)
            return TimeSeries({"oil": 1.5}, timestamp=1_767_600_000_000, quality_code=0x80310000)

        agent.run(collect, every_s=0.01)
    (row,) = kept[1:]
    assert row["timestamp"] == "2026-01-05T08:00:00.000Z"
    assert row["values"][0]["qualityCode"] == str(0x80310000 - 2**32)


def test_a_secret_comes_from_the_environment_or_the_services_credentials(tmp_path, monkeypatch):
    """Not from the file that is copied about; an error names the ways, and no secret."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("MQTT_PASSWORD", raising=False)
    with pytest.raises(ConfigurationError, match="there is no MQTT_PASSWORD") as caught:
        secret("MQTT_PASSWORD")
    assert "LoadCredential=MQTT_PASSWORD:FILE" in caught.value.hint
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(ConfigurationError, match="No such file"):
        secret("MQTT_PASSWORD")
    (tmp_path / "MQTT_PASSWORD").write_bytes(b"\xe4secret")
    with pytest.raises(ConfigurationError, match="no UTF-8") as caught:
        secret("MQTT_PASSWORD")
    assert caught.value.__context__ is None
    (tmp_path / "MQTT_PASSWORD").write_text("from a file\n")
    assert secret("MQTT_PASSWORD") == "from a file"
    monkeypatch.setenv("MQTT_PASSWORD", "from the environment")
    assert secret("MQTT_PASSWORD") == "from the environment"
