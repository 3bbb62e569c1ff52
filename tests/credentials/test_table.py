# portable
"""The tables are whole: no state without a way out, no event that nothing sends."""

from mcagent.credentials import table

STATES = tuple(table.MEANING)
# States in which nothing can be lost any more but time: the operator has to act, and there is a
# way on that needs nobody (a slow retry) and one that needs a new boarding file.
OPERATOR = (table.REFUSED, table.LOST)


def test_every_transition_joins_two_states():
    for state, event in table.TRANSITIONS:
        assert state in STATES
        assert table.TRANSITIONS[(state, event)] in STATES


def test_every_state_is_reached_and_left():
    assert set(table.TRANSITIONS.values()) == set(STATES)
    assert {state for state, _event in table.TRANSITIONS} == set(STATES)


def test_onboarded_is_reached_from_every_state():
    """No dead end."""
    good = {table.ONBOARDED}
    for _ in STATES:
        for key in table.TRANSITIONS:
            if table.TRANSITIONS[key] in good:
                good.add(key[0])
    assert good == set(STATES)


def test_a_state_that_needs_an_operator_takes_a_new_boarding_file():
    for state in OPERATOR:
        assert table.TRANSITIONS[(state, table.BOARDING)] == table.NEW


def test_credentials_that_work_are_never_left_for_a_boarding_file():
    for state in (table.ONBOARDED, table.ROTATING):
        assert (state, table.BOARDING) not in table.TRANSITIONS


def test_whatever_changes_the_platform_is_written_ahead():
    """A registration and a rotation have a state of their own, saved before they are sent."""
    for (_state, event), end in table.TRANSITIONS.items():
        if event == table.SEND_REGISTER:
            assert end == table.REGISTERING
        if event == table.SEND_ROTATE:
            assert end == table.ROTATING


def test_the_plan_tries_what_changes_nothing_first():
    """A token, then the RATs in the order of the platform's slots."""
    assert table.PLAN == (
        ("token", "current"),
        ("rotate", "current"),
        ("rotate", "previous"),
        ("token", "previous"),
    )


def test_a_registration_is_answered_by_exactly_201():
    """Agent API, 3.1; a rotation and a token by exactly 200."""
    for operation, good in (("register", 201), ("rotate", 200), ("token", 200)):
        answers = table.ANSWERS[operation]
        assert [status for status in answers if answers[status] == table.TAKEN] == [good]
        assert sorted(status for status in answers if answers[status] == table.NO) == [400, 401]
