"""What may have become of an agent at the end of a course: it works, or the platform is to blame."""

from mcagent.credentials.keystore import Keystore
from mcagent.errors import OnboardingRefused, RotationFailed
from tests.credentials.disk import ROOT
from tests.credentials.life import HOUR_MS
from tests.credentials.platform import ROTATE, WEEK_MS

WORKS = "works again by itself"
IAT_GONE = "operator: the platform took the IAT"
EXPIRED = "operator: expired while the device was off"


def judge(life):
    """Which of the above; AssertionError for an agent that is lost, or says the wrong thing."""
    life.watch = None
    life.fates = {}
    life.refusals = {}
    life.full = -1
    life.disk.free = None
    life.deliver()
    life.clock.now_ms += HOUR_MS
    if life.live(2 * HOUR_MS):
        check_works(life)
        return WORKS
    verdict = _explain(life)
    life.boarding = life.platform.issue_boarding()
    life.start()
    assert life.live(), "the new boarding file is not taken"
    check_works(life)
    return verdict


def check_works(life):
    """A token now, none of the old problems, a rotation in good time, and all that after a restart."""
    platform, lifecycle = life.platform, life.lifecycle
    assert platform.accepts(lifecycle.access_token(life.clock.now_ms))
    assert lifecycle.problem is None
    rotations = platform.count(ROTATE)
    life.clock.now_ms = lifecycle.secret_expires_ms - 24 * HOUR_MS
    assert life.live_an_hour()
    assert platform.count(ROTATE) > rotations
    assert lifecycle.state == "onboarded", lifecycle.state
    assert lifecycle.secret_expires_ms > life.clock.now_ms + WEEK_MS - 48 * HOUR_MS
    life.start()
    assert life.live(), "not after a restart"


def _explain(life):
    """The platform's truth, and whether the device tells it."""
    problem = life.lifecycle.problem
    stored = Keystore(ROOT, life.disk.copy()).load()
    assert stored is not None
    assert problem is not None, "it neither works nor says why"
    assert "offboards agent %s" % life.lifecycle.client_id in problem.hint
    assert "what is buffered is kept" in problem.hint
    now_ms = life.clock.now_ms
    if stored["current"] is None:
        assert isinstance(problem, OnboardingRefused), problem
        expired = now_ms >= stored["boarding"]["expiration_ms"]
        if expired:
            assert "the initial access token is expired: it was good until" in problem.message
        if not life.platform.iat_used:
            assert expired, "the platform would take the IAT"
            return EXPIRED
        assert expired or "the initial access token is used" in problem.message
        assert "an attempt of this device at 2026-11-21" in problem.message, problem.message
        assert "got no answer" in problem.message
        return IAT_GONE
    assert now_ms >= stored["current"]["expires_ms"], "the agent is lost"
    assert isinstance(problem, RotationFailed), problem
    assert "the client secret expired at 2026-" in problem.message, problem.message
    return EXPIRED
