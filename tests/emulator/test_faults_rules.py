"""Fault rules without a network: who is meant, when, how often, and what is no rule."""

import pytest

from mcagent.emulator.clock import PlatformClock
from mcagent.emulator.faults import Asked, Faults
from mcagent.emulator.faults_rule import ACTIONS, Rule

ANY = Asked("POST", "/x", b"body", lambda: ("id-1", "press"), token=True)


class Time:
    now = 1000.0

    def __call__(self):
        return self.now


def faults(*rules, time=None):
    made = Faults(PlatformClock(), time or Time())
    made.replace(list(rules))
    return made


def hits(made, number, asked=ANY):
    return [bool(made.take(asked)) for _ in range(number)]


def test_the_first_deciding_rule_decides_and_others_come_on_top():
    made = faults(
        {"action": "delay", "seconds": 1},
        {"action": "clock", "offset_s": 5},
        {"action": "status", "contains": "not there"},
        {"action": "cut"},
        {"action": "html"},
    )
    assert [rule.action for rule in made.take(ANY)] == ["delay", "clock", "cut"]
    assert [rule["hits"] for rule in made.show()] == [1, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("agent", "hit"), [("id-1", True), ("press", True), ("", True), ("x", False)]
)
def test_an_agent_is_meant_by_its_id_or_its_name(agent, hit):
    assert hits(faults({"action": "status", "agent": agent}), 1) == [hit]


def test_who_asks_is_found_out_only_where_a_rule_wants_to_know():
    def never():
        raise AssertionError("was asked")

    assert hits(faults({"action": "status"}), 1, ANY._replace(agent=never)) == [True]


def test_dice_are_thrown_alike_after_each_switching_on():
    rule = {"id": "a", "action": "status", "probability": 0.3, "seed": 7}
    made = faults(rule)
    first = hits(made, 200)
    assert 40 <= sum(first) <= 80
    made.change("a", {"enabled": False})
    assert not any(hits(made, 20))
    made.change("a", {"enabled": True})
    assert hits(made, 200) == first
    assert hits(faults(rule), 200) == first
    assert hits(faults({**rule, "seed": 8}), 200) != first


@pytest.mark.parametrize(("probability", "hit"), [(0, False), (1, True)])
def test_never_and_always_are_no_matter_of_luck(probability, hit):
    assert set(hits(faults({"action": "status", "probability": probability}), 500)) == {hit}


def test_requests_that_are_not_meant_throw_no_dice():
    rule = {"action": "status", "probability": 0.5, "contains": "body"}
    alone, mixed = faults(rule), faults(rule)
    got = []
    for _ in range(50):
        mixed.take(ANY._replace(body=b"other"))
        got += hits(mixed, 1)
    assert got == hits(alone, 50)


def test_a_window_begins_and_ends():
    time = Time()
    made = faults({"id": "w", "action": "status", "after_s": 10, "for_s": 5}, time=time)
    seen = []
    for now in (1000, 1009.9, 1010, 1014.9, 1015, 9999):
        time.now = now
        seen.append((made.show_one("w")["state"], hits(made, 1)[0]))
    assert seen == [("waiting", False)] * 2 + [("on", True)] * 2 + [("over", False)] * 2
    made.change("w", {"enabled": False})
    assert made.show_one("w")["state"] == "off"
    made.change("w", {"enabled": True})
    time.now += 10
    assert hits(made, 1) == [True]


def test_a_window_by_the_platforms_clock():
    clock = PlatformClock()
    made = Faults(clock)
    made.add(
        {
            "action": "status",
            "not_before": "2040-01-01T00:00:00Z",
            "not_after": "2040-01-02T00:00:00Z",
        }
    )
    for year, state in ((2039, "waiting"), (2041, "over")):
        clock.offset_s += (year - 1970) * 365.2425 * 86400 - clock.now_s()
        assert made.show()[0]["state"] == state
        assert hits(made, 1) == [False]
    clock.offset_s += 2208988800 + 3600 - clock.now_s()  # 2040-01-01T01:00:00Z
    assert hits(made, 1) == [True]


def test_times_are_counted_down_and_begin_anew_with_switching_on():
    made = faults({"id": "t", "action": "status", "times": 2})
    assert hits(made, 3) == [True, True, False]
    assert (made.show_one("t")["times"], made.show_one("t")["state"]) == (0, "used up")
    made.change("t", {"label": "another name"})
    assert hits(made, 1) == [False]
    made.change("t", {"enabled": False})
    made.change("t", {"enabled": True})
    assert hits(made, 3) == [True, True, False]
    assert made.show_one("t")["hits"] == 4


def test_a_connection_is_reset_by_its_own_kind_of_rule_alone():
    made = faults({"action": "status"}, {"action": "tls_reset", "times": 1})
    assert made.take_connection() is True
    assert made.take_connection() is False
    assert [rule.action for rule in made.take(ANY)] == ["status"]


def test_revoking_needs_a_token():
    made = faults({"action": "revoke"})
    assert hits(made, 1, ANY._replace(token=False)) == [False]
    assert hits(made, 1) == [True]


def test_rules_get_ids_and_labels():
    made = faults(
        {"action": "status"}, {"id": "fault-2", "action": "html", "label": "the gateway"}
    )
    made.add({"action": "slow_body", "seconds": 3, "match": "GET /x", "agent": "press"})
    assert [rule["id"] for rule in made.show()] == ["fault-1", "fault-2", "fault-3"]
    assert [rule["label"] for rule in made.show()] == [
        "status 503: every request",
        "the gateway",
        "slow body, 3 s: GET /x of press",
    ]
    made.replace(made.show())
    assert [rule["id"] for rule in made.show()] == ["fault-1", "fault-2", "fault-3"]


def test_a_change_that_is_wrong_changes_nothing():
    made = faults({"id": "a", "action": "status", "status": 502})
    before = made.show()
    for changes in ({"status": 99}, {"id": "b"}, {"colour": 1}, [], {"action": "slow_body"}):
        with pytest.raises(ValueError):
            made.change("a", changes)
    assert made.show() == before
    with pytest.raises(KeyError):
        made.change("b", {})
    with pytest.raises(ValueError, match="'a' is that of another"):
        made.add({"id": "a", "action": "html"})
    with pytest.raises(ValueError, match="'c' is that of several"):
        made.replace([{"id": "c", "action": "html"}] * 2)
    assert made.show() == before


def test_there_are_never_too_many_rules():
    made = faults(*({"action": "status"} for _ in range(1000)))
    with pytest.raises(ValueError, match="1000 fault rules already"):
        made.add({"action": "status"})
    with pytest.raises(ValueError, match="at most 1000"):
        made.replace([{"action": "status"}] * 1001)


# A bad rule, and the words that must stand in its refusal: the member, the value, the way out.
BAD = [
    ("x", "a fault rule must be a JSON object, not 'x'"),
    ({}, "needs an action: status, html"),
    ({"action": "explode"}, "action of a fault rule is 'explode'; it must be one of status"),
    ({"action": "drop-before"}, "did you mean 'drop_before'?"),
    ({"action": 5}, "action of a fault rule is 5"),
    ({"action": []}, r"action of a fault rule is \[\]"),
    ({"action": "status", "probabilty": 1}, "no member 'probabilty'; did you mean 'probability'?"),
    (
        {"action": "status", "status": 99},
        "status of a fault rule is 99; it must be a whole number from 200 to 599",
    ),
    ({"action": "status", "status": "503"}, "status of a fault rule is '503'"),
    ({"action": "status", "status": True}, "status of a fault rule is True"),
    ({"action": "status", "status": 503.0}, "status of a fault rule is 503.0"),
    ({"action": "status", "enabled": 1}, "enabled of a fault rule is 1; it must be true or false"),
    ({"action": "status", "times": -1}, "times of a fault rule is -1"),
    (
        {"action": "status", "probability": 1.01},
        "probability of a fault rule is 1.01; it must be a number from 0 to 1",
    ),
    ({"action": "status", "probability": float("nan")}, "probability of a fault rule is nan"),
    ({"action": "status", "seed": 1.5}, "seed of a fault rule is 1.5"),
    (
        {"action": "delay", "seconds": -1},
        "seconds of a fault rule is -1; it must be a number from 0 to 3600",
    ),
    ({"action": "delay", "seconds": float("inf")}, "seconds of a fault rule is inf"),
    ({"action": "delay", "after_s": None}, "after_s of a fault rule is None"),
    (
        {"action": "delay", "not_before": "tomorrow"},
        "not_before of a fault rule is 'tomorrow'; it must be a time such as",
    ),
    (
        {
            "action": "delay",
            "not_before": "2026-03-01T00:00:00Z",
            "not_after": "2026-03-01T00:00:00Z",
        },
        "not_after of a fault rule is .* must be later",
    ),
    ({"action": "status", "headers": {"a b": "x"}}, "headers of a fault rule is {'a b': 'x'}"),
    ({"action": "status", "headers": {"a": "x\r\ny: z"}}, "headers of a fault rule"),
    ({"action": "status", "headers": {"a": " x"}}, "headers of a fault rule"),
    ({"action": "status", "headers": {"a": None}}, "headers of a fault rule"),
    ({"action": "status", "headers": {"Content-Length": "5"}}, "without content-length"),
    ({"action": "status", "headers": []}, r"headers of a fault rule is \[\]"),
    ({"action": "content_type", "content_type": "a\nb"}, "content_type of a fault rule is"),
    ({"action": "cut", "cut_at": -1}, "cut_at of a fault rule is -1"),
    ({"action": "slow_body"}, "slow_body needs how long"),
    ({"action": "clock"}, "clock needs how wrong"),
    ({"action": "clock", "offset_s": 1e12}, "offset_s of a fault rule is 1000000000000.0"),
    ({"action": "tls_reset"}, "tls_reset needs times or for_s"),
    (
        {"action": "tls_reset", "times": 1, "match": "POST"},
        "match of a fault rule is 'POST'; tls_reset knows no request",
    ),
    ({"action": "tls_reset", "times": 1, "agent": "a"}, "agent of a fault rule is 'a'"),
    (
        {"action": "status", "id": "a b"},
        "id of a fault rule is 'a b'; it must be up to 64 letters",
    ),
    ({"action": "status", "match": "x" * 1001}, "match of a fault rule is 'xxx"),
    ({"action": "status", "contains": "\ud800"}, "contains of a fault rule"),
    ({"action": "status", "label": 7}, "label of a fault rule is 7"),
]


@pytest.mark.parametrize(("value", "words"), BAD)
def test_what_is_no_rule_is_refused_by_member_and_value(value, words):
    with pytest.raises(ValueError, match=words) as caught:
        Rule.from_json(value)
    assert len(str(caught.value)) < 500


def test_every_action_is_described_and_made():
    more = {"slow_body": {"seconds": 1}, "clock": {"offset_s": 1}, "tls_reset": {"times": 1}}
    for action, words in ACTIONS.items():
        assert words
        assert Rule.from_json({"action": action, **more.get(action, {})}).called()


def test_a_mark_differs_with_whatever_is_shown_of_a_rule():
    """Open pages ask for it four times a second, and for the rules only when it differs."""
    time = Time()
    made = faults(time=time)
    marks = []

    def is_new():
        mark = made.mark()
        assert mark == made.mark()
        marks.append(mark)
        return mark not in marks[:-1]

    assert is_new()
    made.add({"action": "drop_before", "id": "a", "after_s": 5, "for_s": 5, "times": 2})
    assert is_new()
    time.now += 6  # it begins
    assert is_new()
    assert made.take(ANY)
    assert is_new()
    time.now += 6  # it is over
    assert is_new()
    made.change("a", {"label": "words"})
    assert is_new()
    made.remove("a")
    assert not is_new()  # as at first
