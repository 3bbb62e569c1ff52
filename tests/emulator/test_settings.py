"""Switches and the settings file: every knob is described, and what is wrong is named."""

import json
import os
import re
from dataclasses import fields

import pytest

from mcagent.emulator import Emulator, serve
from mcagent.emulator.settings import CHOICES, STRICT, Settings
from mcagent.emulator.settings_file import SettingsError, print_settings, read_settings, table
from mcagent.emulator.settings_words import SENTENCES

DOCS = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "emulator.md")


def written(tmp_path, text):
    path = tmp_path / "hub.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return str(path)


def test_every_switch_has_a_sentence_and_nothing_else_has():
    assert sorted(SENTENCES) == sorted(field.name for field in fields(Settings))
    assert all(re.fullmatch(r"[^|\n]{3,75}\.", words) for words in SENTENCES.values())


def test_the_documentation_has_the_switches_that_there_are():
    """Promise: docs/emulator.md prints what the code runs."""
    with open(DOCS, encoding="utf-8") as file:
        text = file.read()
    start, end = text.index("<!-- switches -->"), text.index("<!-- end of switches -->")
    assert text[start:end].splitlines()[1:] == table()


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_printed_can_be_read_and_changes_nothing(strict, tmp_path):
    read = read_settings(written(tmp_path, print_settings(strict=strict)))
    assert Settings.build(changes=read.switches) == Settings.build(strict=strict)
    assert set(read.switches) == set(SENTENCES)
    assert read[1:] == ([], 0)


def test_the_command_prints_all_switches_for_people_and_programs(capsys):
    assert serve(["--print-settings", "--strict"]) == 0
    lines = capsys.readouterr().out.splitlines()
    place = lines.index('  "replace_records": true,')
    assert lines[place - 1] == (
        '  "//replace_records": "A record of an existing time is replaced as a whole.",'
    )
    assert serve(["--print-settings", "--json"]) == 0
    described = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(described) == set(SENTENCES)
    assert described["foreign_status"]["choices"] == [403, 404]
    assert described["replace_records"]["strict"] is True


def test_switches_faults_and_clock_of_a_file_are_in_force(tmp_path):
    path = written(
        tmp_path,
        {
            "// for": "a test",
            "token_life_s": 5,
            "clock_offset_s": -60,
            "faults": [{"id": "a", "action": "html", "enabled": False}],
        },
    )
    read = read_settings(path)
    with Emulator(tls=False, settings=read.switches) as hub:
        hub.set_faults(read.faults)
        hub.set_clock(read.clock_offset_s)
        state = hub.state()
    assert state["settings"]["token_life_s"] == 5
    assert state["clock_offset_s"] == -60
    assert [(rule["id"], rule["state"]) for rule in state["faults"]] == [("a", "off")]


# What stands in the file, and the words that must stand in the refusal.
BAD = [
    ("{", "is not JSON"),
    ("[]", "is not a JSON object"),
    ("[" * 5000 + "]" * 5000, "nested too deeply"),
    ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "is not JSON"),
    ({"token_lif_s": 5}, "unknown member 'token_lif_s'; did you mean 'token_life_s'?"),
    ({"fault": []}, "did you mean 'faults'?"),
    ({"colour": 1}, "unknown member 'colour'"),
    ({"token_life_s": "5"}, "setting 'token_life_s' is '5'; it must be a whole number"),
    ({"token_life_s": 5.0}, "setting 'token_life_s' is 5.0; it must be a whole number"),
    ({"token_life_s": True}, "is True; it must be a whole number"),
    ({"token_life_s": -1}, "is -1; it must be from 0 to"),
    ({"token_life_s": 10**30}, "it must be from 0 to"),
    ('{"processing_delay_s": NaN}', "is not JSON"),
    ('{"processing_delay_s": 1e999}', "setting 'processing_delay_s' is inf; it must be from 0"),
    ({"connections_max": 0}, "setting 'connections_max' is 0; it must be from 1"),
    ({"previous_rat": 1}, "setting 'previous_rat' is 1; it must be true or false"),
    ({"recover": "all"}, "setting 'recover' is 'all'; it must be one of everything, unmapped"),
    ({"foreign_status": 500}, "is 500; it must be one of 403, 404"),
    ({"public_url": 5}, "is 5; it must be text"),
    ({"tenant": "ninechars"}, "setting 'tenant' is 'ninechars'; it must be 1 to 8 letters"),
    ({"other_tenant": "a.b"}, "setting 'other_tenant' is 'a.b'; it must be 1 to 8 letters"),
    ({"tenant": "OTHERDEV"}, "settings tenant and other_tenant are both 'otherdev'"),
    ({"public_url": "http://x\r\nA: b"}, "it must be printable text"),
    ({"clock_offset_s": "1h"}, "clock offset is '1h'; it must be a number of seconds"),
    ({"clock_offset_s": -1e12}, "it must leave the clock in the years"),
    ({"clock_offset_s": 10**400}, "it must leave the clock in the years"),
    ({"faults": {}}, "fault rules must be a list"),
    (
        {"faults": [{"action": "html"}, {"action": "sttus"}]},
        "rule 2 of 2: action .* did you mean 'status'",
    ),
]


@pytest.mark.parametrize(("content", "words"), BAD)
def test_what_is_wrong_in_a_file_is_named_with_a_way_out(content, words, tmp_path, capsys):
    path = written(tmp_path, content)
    with pytest.raises(SettingsError, match=words) as caught:
        read_settings(path)
    assert path in str(caught.value)
    assert serve(["--http", "--port", "0", "--settings", path]) == 4
    what, hint = capsys.readouterr().err.splitlines()
    assert what.startswith(f"mcagent: cannot start: {path}")
    assert hint.startswith("  hint: ")
    assert len(what) < 700


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"cannot read .*hub\.json: No such file"):
        read_settings(str(tmp_path / "hub.json"))


def test_nothing_is_set_where_one_of_several_is_wrong():
    settings = Settings()
    with pytest.raises(ValueError, match="did you mean 'region'"):
        settings.change({"token_life_s": 5, "regoin": "eu2"})
    assert settings == Settings()


def test_the_strict_readings_and_choices_are_of_switches_that_there_are():
    assert set(STRICT) | set(CHOICES) <= set(SENTENCES)
    Settings.build(strict=True)
