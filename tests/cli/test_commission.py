"""`mcagent commission`: plan, apply, and what is never done by surprise."""

import json
import os

import pytest

from mcagent.cli import exits
from tests.cli.running import refused
from tests.services.test_commissioning_file import PLANT, changed


@pytest.fixture
def plant(tenant):
    return tenant.file("plant.json", PLANT)


def test_plan_changes_nothing_and_apply_twice_is_harmless(tenant, plant):
    """The plan is what apply does; the second apply has nothing to do."""
    plan = tenant.json("commission", "plan", plant)
    assert len(plan["changes"]) == 12
    assert tenant.json("commission", "plan", plant) == plan
    result = tenant.run("commission", "apply", plant)
    assert result.code == 0, result
    assert "+ mapping P1 -> Press 7 press.temperature (press-7)" in result.out
    assert result.out.endswith("done: 12 steps\n")
    assert "100%  12 of 12: create event mapping" in result.err
    assert tenant.run("commission", "apply", plant).out == (
        "nothing to do: everything is as described\n"
    )
    assert tenant.json("commission", "plan", plant)["changes"] == []


def test_dry_run_is_the_plan(tenant, plant):
    """The same words, and nothing is there afterwards."""
    dry = tenant.run("commission", "apply", plant, "--dry-run")
    assert dry.out == tenant.run("commission", "plan", plant).out
    assert dry.out.endswith("to do: 12 to create, 0 to change, 0 to delete\n")
    assert tenant.json("agents", "ls")["agents"] == []


def test_deletions_are_named_and_asked_for(tenant, plant):
    """No terminal: refused. No: nothing changes. Yes, or --yes: done."""
    tenant.run("commission", "apply", plant)
    tenant.run("mappings", "create", "press-7", "P2", "Press 7", "press", "strokes")
    result = tenant.run("commission", "apply", plant)
    assert "? agent press-7: mapping P2 -> Press 7 press.strokes is not in the file" in result.out
    result = tenant.run("commission", "apply", plant, "--delete")
    assert (result.code, result.out) == (exits.USAGE, "")
    assert "asks first, and there is nobody to ask" in result.err
    tenant.answers("n")
    result = tenant.run("commission", "apply", plant, "--delete")
    assert result.code == exits.INCOMPLETE
    assert "- delete mapping P2 -> " in result.err
    assert len(tenant.json("mappings", "ls")["mappings"]) == 2
    tenant.answers("y")
    assert tenant.run("commission", "apply", plant, "--delete").code == 0
    assert len(tenant.json("mappings", "ls")["mappings"]) == 1


def test_a_model_that_loses_mappings_needs_consent(tenant, plant):
    """They are named; --lose-mappings consents, and a person is asked all the same."""
    tenant.run("commission", "apply", plant)
    other = tenant.file(
        "other.json", changed(("agents", 0, "configuration", "configurationId"), "press-7-v2")
    )
    plan = tenant.run("commission", "plan", other)
    assert "! loses mapping P1 -> " in plan.out
    result = tenant.run("commission", "apply", other, "--yes")
    refused(result, exits.CONFIGURATION, "would delete 1 of its mappings: P1 -> ", "lose")
    result = tenant.run("commission", "apply", other, "--yes", "--lose-mappings")
    assert result.code == 0, result
    assert "~ data model press-7-v2" in result.out


def test_conflicts_end_the_plan_with_one_and_apply_with_four(tenant, plant):
    """Each is named; nothing is done."""
    tenant.run("commission", "apply", plant)
    wrong = tenant.file("wrong.json", changed(("agents", 0, "securityProfile"), "RSA_3072"))
    plan = tenant.run("commission", "plan", wrong)
    assert plan.code == exits.INCOMPLETE
    assert "x agent press-7: its profile is SHARED_SECRET" in plan.out
    refused(tenant.run("commission", "apply", wrong), exits.CONFIGURATION, "its profile is")


def test_a_step_that_fails_says_what_was_done(tenant, plant):
    """The exit code is the failure's; with --json what is done and what is missing."""
    tenant.hub.set_faults(
        [{"match": "POST */dataPointMappings", "action": "status", "status": 403}]
    )
    result = tenant.run("commission", "apply", plant, "--json")
    assert result.code == exits.REFUSED
    assert (len(result.json["done"]), len(result.json["missing"])) == (10, 2)
    assert "403" in result.err
    result = tenant.run("commission", "apply", plant)
    assert "done: 0 of 2 steps; stopped at: create mapping" in result.err
    tenant.hub.set_faults([])
    assert tenant.run("commission", "apply", plant).out.endswith("done: 2 steps\n")


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_ctrl_c_says_what_was_done(tenant, plant, monkeypatch, form):
    """As a step that fails does."""

    def interrupted(self, mapping):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mcagent.services.mappings.Mappings.create", interrupted)
        result = tenant.run("commission", "apply", plant, *form)
    assert result.code == exits.INTERRUPTED
    if form:
        assert (len(result.json["done"]), len(result.json["missing"])) == (10, 2)
    else:
        assert "done: 10 of 12 steps; interrupted in the next" in result.err
    assert tenant.run("commission", "apply", plant).out.endswith("done: 2 steps\n")


def test_boarding_files_are_written_beside(tenant, plant):
    """For each agent that is not onboarded, for this user alone, and never replaced."""
    boarding = tenant.folder / "boarding"
    result = tenant.run("commission", "apply", plant, "--boarding", boarding)
    path = boarding / "press-7.json"
    assert f"boarding file of press-7: {path}" in result.out
    assert os.stat(path).st_mode & 0o777 == 0o600
    token = json.loads(path.read_text())["content"]["iat"]
    assert token not in result.out + result.err
    again = tenant.json("commission", "apply", plant, "--boarding", boarding)
    assert again["boarding"] == {}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("agentz: []", exits.INVALID, ("did you mean agents?",)),
        ("a: [", exits.INVALID, ("is not YAML",)),
        ("aspectTypes: [{name: X}]", exits.INVALID, ("aspectTypes, 'X': it has no variables",)),
    ],
)
def test_a_bad_file_is_refused_before_any_request(tenant, text, code, words):
    """One line with the place, one with the way out."""
    path = tenant.file("bad.yaml", text)
    before = tenant.hub.state()["requests"]
    refused(tenant.run("commission", "plan", path), code, *words)
    assert tenant.hub.state()["requests"] == before


def test_other_bad_input(tenant, plant):
    """A missing file, no credentials, missing scopes, a plan that is none."""
    refused(tenant.run("commission", "plan", "none.yaml"), exits.CONFIGURATION, "none.yaml")
    refused(tenant.run("commission", "plan", plant, "--limits", "XXL"), exits.USAGE, "XXL")
    tenant.allow(["asm.r"])
    refused(
        tenant.run("commission", "plan", plant), exits.REFUSED, "the scope atm.apt.r is missing"
    )
    tenant.monkeypatch.delenv("MCAGENT_CREDENTIALS")
    refused(tenant.run("commission", "plan", plant), exits.USAGE, "nothing says who asks")
