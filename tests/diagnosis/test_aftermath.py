"""What the platform tells an agent about itself: read, named, and never obeyed."""

import json
import pathlib

import pytest

from mcagent import Agent, DataModel, DataPoint, DataSource
from mcagent.diagnosis.aftermath import NEVER, OFF, ON, look, read_aftermath, take_token
from mcagent.diagnosis.case import Case
from mcagent.diagnosis.recordedpoints import recorded_points
from mcagent.emulator import Emulator
from mcagent.errors import CredentialError, NotOnboarded, RemoteError, TransportError
from mcagent.observer import ReadOnlyFileSystem
from mcagent.transport.http import Response

MODEL = DataModel(
    "m1", [DataSource("press", [DataPoint("strokes", "LONG"), DataPoint("parts", "LONG")])]
)
RECORDS = "GET /api/mindconnect/v3/recoverableRecords"


@pytest.fixture(scope="module")
def running():
    # The harshest reading: a secret that was superseded gets no token any more.
    settings = {"processing_delay_s": 0.0, "previous_secret": "never"}
    with Emulator(tls=False, settings=settings) as hub:
        yield hub


@pytest.fixture
def hub(running):
    running.clear()
    return running


@pytest.fixture
def state(hub, tmp_path):
    """A device that is onboarded and has a model; it is closed."""
    directory = str(tmp_path / "state")
    with Agent.open(directory, boarding=hub.create_agent("press-7"), proxy="") as agent:
        agent.onboard()
        agent.submit(MODEL)
        agent.upload(timeout_s=60)
    hub.settle()
    return directory


def agent_of(hub):
    with hub._running.store.reading() as db:
        return db.execute("SELECT id FROM agents ORDER BY rowid").fetchone()["id"]


def ask(state, read=read_aftermath, **options):
    case = Case(state, proxy="")
    try:
        take_token(case)
        return read(case, **options)
    finally:
        case.transport.close()


def rotations(hub):
    counts = hub.state()["requests"]
    return {name: n for name, n in counts.items() if "/register" in name}


def record(state, *samples):
    with Agent.open(state, proxy="") as agent:
        for sample in samples:
            agent.record(sample)


# -- the visit ----------------------------------------------------------------------------------


def test_a_visit_asks_beside_the_owner_and_changes_nothing(hub, state):
    keystore = pathlib.Path(state, "credentials", "credentials")
    with Agent.open(state, proxy="") as owner:
        before = keystore.read_bytes(), rotations(hub)
        assert ask(state).configuration_id == "m1"
        assert (keystore.read_bytes(), rotations(hub)) == before
        owner.record({"strokes": 1})
        hub.automap(agent_of(hub))
        assert owner.upload(timeout_s=60).pending == 0


def test_a_visit_never_rotates_when_the_secret_is_nearly_over_or_refused(hub, tmp_path):
    hub.change_settings(secret_life_s=600)
    state = str(tmp_path / "short")
    with Agent.open(state, boarding=hub.create_agent("short"), proxy="") as agent:
        agent.onboard()
    before = rotations(hub)
    hub.set_clock(550)
    assert ask(state).diagnostics == NEVER
    hub.set_clock(700)
    with pytest.raises(CredentialError, match="refuses the client secret"):
        ask(state)
    assert rotations(hub) == before


def test_a_visit_in_the_middle_of_a_rotation_leaves_the_owner_its_way_back(hub, state):
    """The answer to the owner's rotation got lost: the platform has a newer secret already."""
    lost = {"match": "PUT /api/agentmanagement/v3/register/*", "action": "drop_after"}
    hub.set_faults([lost])
    with Agent.open(state, proxy="") as agent:
        agent.keep_alive(rotate_before_s=10**9)
        assert agent.status().upload["session"]["credentials"] == "rotating"
    hub.set_faults([])
    before = rotations(hub)
    with pytest.raises(CredentialError):
        ask(state)
    assert rotations(hub) == before
    with Agent.open(state, proxy="") as agent:
        assert agent.keep_alive().alive


def test_an_offboarded_agent_is_told_and_nothing_is_tried_in_its_place(hub, state):
    hub.offboard(agent_of(hub))
    before = rotations(hub)
    with pytest.raises(CredentialError):
        ask(state)
    assert rotations(hub) == before


def test_rsa_credentials_do_as_well(hub, tmp_path):
    state = str(tmp_path / "rsa")
    with Agent.open(state, boarding=hub.create_agent("rsa", "RSA_3072"), proxy="") as agent:
        agent.onboard()
    assert ask(state).diagnostics == NEVER


def test_a_device_that_was_never_onboarded_has_nothing_to_ask_with(hub, tmp_path):
    for directory in (tmp_path / "none", tmp_path / "fresh"):
        if directory.name == "fresh":
            Agent.open(str(directory), boarding=hub.create_agent("fresh"), proxy="").close()
        with pytest.raises(NotOnboarded, match=directory.name):
            ask(str(directory))
    assert rotations(hub) == {}


def test_no_answer_and_a_platform_in_trouble_are_errors_of_their_kinds(hub, state):
    hub.set_faults([{"match": RECORDS, "action": "status", "status": 503}])
    with pytest.raises(RemoteError, match="HTTP 503") as raised:
        ask(state)
    assert raised.value.retryable
    hub.set_faults([{"match": RECORDS, "action": "html", "status": 200}])
    with pytest.raises(RemoteError, match="HTML"):
        ask(state)
    hub.set_faults([{"match": RECORDS, "action": "drop_before"}])
    with pytest.raises(TransportError):
        ask(state)


# -- mappings -----------------------------------------------------------------------------------


def test_each_point_without_a_valid_mapping_is_named_also_one_that_only_the_buffer_knows(
    hub, state, tmp_path
):
    record(state, {"strokes": 1, "parts": 2}, {"strokes": 3})
    old = [DataPoint("strokes", "LONG"), DataPoint("typo", "LONG")]
    with Agent.open(state, proxy="") as agent:
        agent.submit(DataModel("m2", [DataSource("press", old)]))
        agent.record({"strokes": 4, "typo": 5})
        agent.submit(DataModel("m3", MODEL.sources))
    report = ask(state)
    assert report.recorded == {"strokes": 3, "parts": 1, "typo": 1}
    assert report.unmapped == {
        "parts": "no mapping",
        "strokes": "no mapping",
        "typo": "the platform's data model does not have it",
    }
    assert "it drops values of strokes: no mapping (waiting samples with it: 3)" in (
        report.lines()
    )
    assert any("here is m3, the platform's is m1" in line for line in report.lines())
    assert not report.is_well


def test_with_everything_mapped_and_nothing_dropped_all_is_well(hub, state):
    hub.automap(agent_of(hub))
    report = ask(state)
    assert report.is_well
    assert report.lines()[0] == "each of the 2 data points has a valid mapping"
    assert "the platform keeps no upload that it dropped" in report.lines()
    assert json.loads(json.dumps(report.to_dict()))["is_well"] is True


def test_without_a_data_model_on_the_platform_it_says_so(hub, tmp_path):
    state = str(tmp_path / "bare")
    with Agent.open(state, boarding=hub.create_agent("bare"), proxy="") as agent:
        agent.onboard()
    report = ask(state)
    assert "no data model of this agent" in report.lines()[0]
    assert not report.is_well


def test_points_are_counted_of_waiting_samples_only_and_a_missing_buffer_has_none(
    hub, state, tmp_path
):
    record(state, *({"strokes": number} for number in range(30)))
    assert recorded_points(state) == {"strokes": 30}
    assert recorded_points(state, most=10) == {"strokes": 10}
    hub.automap(agent_of(hub))
    with Agent.open(state, proxy="") as agent:
        assert agent.upload(timeout_s=60).pending == 0
    assert recorded_points(state) == {}
    assert recorded_points(str(tmp_path / "nothing")) == {}


def test_a_point_of_another_type_on_the_platform_is_named(hub, state):
    hub.automap(agent_of(hub))
    newer = [DataPoint("strokes", "DOUBLE"), DataPoint("parts", "LONG")]
    with Agent.open(state, proxy="") as agent:
        agent.submit(DataModel("m2", [DataSource("press", newer)]))
    assert ask(state).unmapped == {
        "strokes": "recorded as DOUBLE, the platform's data model says LONG"
    }


# -- the doctor's step --------------------------------------------------------------------------


def test_the_doctor_s_step_fails_where_something_was_dropped(hub, state):
    step = ask(state, look)
    assert (step.verdict, step.facts["records_total"]) == ("pass", 0)
    record(state, {"strokes": 1, "parts": 2})
    agent = agent_of(hub)
    hub.automap(agent)
    with hub._running.store.transaction() as db:
        db.execute("DELETE FROM mappings WHERE point = 'parts'")
    with Agent.open(state, proxy="") as owner:
        assert owner.upload(timeout_s=60).pending == 0
    hub.settle()
    step = ask(state, look)
    assert (step.verdict, step.cause) == ("fail", "dropped")
    assert "answered with 200 and then dropped, whole or in part: 1;" in step.measured
    assert "Data points without mapping: parts." in step.measured
    hub.change_settings(denied_to_agents="rec.r")
    step = ask(state, look)
    assert (step.verdict, step.blocks) == ("skipped", False)
    assert "grant it the scope rec.r" in step.measured


@pytest.mark.parametrize(("action", "cause"), [("drop_before", "no-answer-"), ("html", "odd-")])
def test_the_doctor_s_step_tells_a_missing_and_an_odd_answer(hub, state, action, cause):
    hub.set_faults([{"match": RECORDS, "action": action}])
    assert ask(state, look).cause.startswith(cause)


# -- what may not be read -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("map.r", "mappings cannot be read"),
        ("dsc.r", "data source configuration"),
        ("rec.r", "recoverable records"),
        ("da.r", "diagnostics"),
        ("da.m.r", "diagnostic messages"),
    ],
)
def test_what_is_forbidden_is_named_with_the_scope_to_grant_and_the_rest_is_read(
    hub, state, scope, words
):
    ask(state, switch_on=True)
    hub.change_settings(denied_to_agents=scope)
    report = ask(state)
    (line,) = report.unread
    assert words in line
    assert line.endswith("scope " + scope)
    assert not report.is_well
    assert (report.records_total is None) == (scope == "rec.r")
    assert (report.diagnostics == "") == (scope == "da.r")


def test_switching_on_may_be_forbidden_too(hub, state):
    hub.change_settings(denied_to_agents="da.c")
    report = ask(state, switch_on=True)
    assert report.unread == ["diagnostics cannot be switched on: HTTP 403 Scope da.c is missing."]
    assert report.diagnostics == NEVER


# -- diagnostics --------------------------------------------------------------------------------


def test_diagnostics_are_switched_on_for_an_hour_and_again(hub, state):
    assert ask(state).diagnostics == NEVER
    assert ask(state, switch_on=True).diagnostics == ON
    assert ask(state, switch_on=True).diagnostics == ON, "twice does no harm"
    hub.set_clock(3700)
    assert ask(state).diagnostics == OFF
    assert ask(state, switch_on=True).diagnostics == ON


def test_the_limit_of_five_agents_is_told_in_the_platform_s_words(hub, state, tmp_path):
    hub.change_settings(diagnostic_agents_max=0)
    report = ask(state, switch_on=True)
    assert "agent limitation" in report.unread[0]
    assert report.diagnostics == NEVER


def test_only_messages_that_are_more_than_information_are_shown(hub, state):
    ask(state, switch_on=True)
    hub.automap(agent_of(hub))
    with Agent.open(state, proxy="") as agent:
        for number in range(5):
            agent.record({"strokes": number})
            agent.upload(timeout_s=60)
    hub.settle()
    report = ask(state)
    assert report.messages == []
    assert report.informed == 15
    assert report.is_well


# -- odd answers --------------------------------------------------------------------------------


class Platform:
    """A session whose answers are made by hand."""

    base_url = "https://southgate.example"
    client_id = "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
    directory = "/nowhere"
    fs = ReadOnlyFileSystem()
    words = Case.words
    lifecycle = Case.lifecycle

    def secrets(self):
        return []

    def __init__(self, **answers):
        self._answers = {"dataPointMappings": page(), "diagnosticActivations": page(), **answers}
        self.asked = []

    def send(self, request):
        path, _, query = request.url.partition("?")
        name = path.rpartition("/")[2]
        self.asked.append(name + "?" + query)
        answer = self._answers.get(name, page())
        answer = answer(query) if callable(answer) else answer
        return answer if isinstance(answer, Response) else Response(200, {}, encode(answer))


def encode(value):
    return json.dumps(value).encode()


def page(*rows, pages=1):
    return {"content": list(rows), "totalPages": pages, "totalElements": len(rows)}


def dropped(time, reason="gone", **more):
    return {"id": "r", "requestTime": time, "dropReason": reason, **more}


def test_where_sorting_is_refused_the_last_page_holds_the_newest():
    def records(query):
        if "sort" in query:
            return Response(400, {}, b'{"message": "sort knows nothing"}')
        if query.endswith("page=1"):
            return {**page(dropped("2026-03"), dropped("2026-04")), "totalPages": 2}
        return {**page(dropped("2026-01")), "totalPages": 2, "totalElements": 22}

    report = read_aftermath(Platform(recoverableRecords=records))
    assert [row["time"] for row in report.records] == ["2026-04", "2026-03"]


def test_words_from_afar_are_not_obeyed_by_the_terminal():
    evil = "\x1b[2J\x07gone\nforever"
    activation = {"id": "a", "agentId": Platform.client_id, "status": "ACTIVE"}
    message = {"severity": "ERROR", "message": evil, "source": evil, "state": evil}
    report = read_aftermath(
        Platform(
            recoverableRecords=page(dropped(evil, evil)),
            diagnosticActivations=page(activation),
            messages=page(message),
        )
    )
    assert report.records_total == 1
    assert len(report.messages) == 1
    assert all(line.isprintable() for line in report.lines())


@pytest.mark.parametrize(
    "row",
    [{}, {"dropReason": None}, {"dropReason": 5, "requestTime": []}, None, "x", 7],
)
def test_rows_of_another_shape_are_shown_as_far_as_they_go(row):
    report = read_aftermath(Platform(recoverableRecords={"content": [row], "totalElements": "x"}))
    assert len(report.records) == isinstance(row, dict)
    assert report.lines()


@pytest.mark.parametrize("answer", [[], 5, {"content": None}, {}, "text"])
def test_an_answer_that_is_no_page_is_an_error_and_not_an_empty_list(answer):
    with pytest.raises(RemoteError):
        read_aftermath(Platform(recoverableRecords=answer))


def test_somebody_else_s_activation_is_not_ours():
    other = {"id": "a", "agentId": "f" * 32, "status": "ACTIVE"}
    assert read_aftermath(Platform(diagnosticActivations=page(other))).diagnostics == NEVER
