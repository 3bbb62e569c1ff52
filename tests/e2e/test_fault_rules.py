"""Each action of a fault rule against a real agent: it notices, and nothing is lost."""

import pytest

from mcagent.emulator import Emulator
from mcagent.emulator.faults_rule import ACTIONS
from tests.e2e.scene import EXCHANGE, Scene

# A new token that is refused, too, is no reason to ask at once for a third.
AT_LEAST = {"clock": 2, "revoke": 2}
# Action -> members of the rule, and whether records may arrive twice because of it.
RULES = {
    "status": ({"status": 503, "times": 3}, False),
    "html": ({"status": 200, "times": 3}, False),
    "drop_before": ({"times": 3}, False),
    "drop_after": ({"times": 3}, True),
    "reset": ({"times": 3}, False),
    "cut": ({"times": 3}, True),
    "slow_body": ({"seconds": 0.3, "times": 3}, False),
    "content_type": ({"content_type": "text/plain"}, False),
    "tls_reset": ({"times": 3}, False),
    "delay": ({"seconds": 0.1, "times": 3}, False),
    "clock": ({"offset_s": 86_400}, False),
    "revoke": ({}, False),
}


@pytest.fixture(scope="module")
def running():
    with Emulator(settings={"processing_delay_s": 0.0}) as hub:
        yield hub


@pytest.fixture
def scene(running, tmp_path):
    running.clear()
    made = Scene(running, str(tmp_path), running.ca_file)
    made.deliver_model()
    yield made
    made.close()


def in_force(rule):
    def fault(scene):
        if rule["action"] == "tls_reset":
            scene.open()  # connections that are open are none of its business
        scene.hub.set_faults([rule])
        yield 600
        hits = scene.hub.faults()[0]["hits"]
        assert hits >= AT_LEAST.get(rule["action"], 3), scene.reason
        scene.hub.set_faults([])

    return fault


def test_every_action_is_tried():
    assert set(RULES) == set(ACTIONS)


@pytest.mark.parametrize("action", RULES)
def test_an_action_costs_no_record(scene, action):
    members, may_repeat = RULES[action]
    match = {} if action == "tls_reset" else {"match": EXCHANGE}
    outcome = scene.play(in_force({"action": action, **match, **members}))
    assert outcome.lost == 0
    assert (outcome.set_aside, outcome.delivered) == (0, outcome.recorded)
    assert outcome.twice == 0 or may_repeat


def test_half_of_all_requests_fail_at_random(scene):
    """Tokens and registration among them, by three kinds of fault, for an hour."""
    rules = [
        {"action": action, "probability": 0.3, "seed": seed}
        for seed, action in enumerate(("status", "reset", "cut"))
    ]

    def fault(scene):
        scene.hub.set_faults(rules)
        yield 3600
        assert sum(rule["hits"] for rule in scene.hub.faults()) >= 5
        scene.hub.set_faults([])

    outcome = scene.play(fault)
    assert (outcome.lost, outcome.set_aside) == (0, 0)
    assert outcome.delivered == outcome.recorded


def test_an_agent_is_hit_by_its_name_and_delivers_when_its_rule_goes(scene):
    def fault(scene):
        scene.hub.add_fault("status", id="poor", agent="press-7", status=503)
        yield 300
        assert scene.pending > 0
        scene.hub.change_fault("poor", enabled=False)
        scene.run(1200)
        assert scene.pending == 0
        scene.hub.remove_fault("poor")

    assert scene.play(fault).lost == 0
