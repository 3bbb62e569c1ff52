# portable
from mcagent.upload.backoff import Backoff


def test_the_bound_doubles_until_the_cap_and_the_jitter_comes_after_it():
    """uniform(0, min(cap, base * 2^n)): at the cap devices still spread over all of it."""
    highest = Backoff(lambda: 0.999999, base_ms=1000)
    assert [highest.next_ms(60_000) for _ in range(8)] == [
        999, 1999, 3999, 7999, 15999, 31999, 59999, 59999,
    ]  # fmt: skip
    middle = Backoff(lambda: 0.5, base_ms=1000)
    middle.failures = 1000
    assert middle.next_ms(60_000) == 30_000
    lowest = Backoff(lambda: 0.0, base_ms=1000)
    assert lowest.next_ms(60_000) == 0


def test_only_a_success_resets():
    backoff = Backoff(lambda: 0.5, base_ms=1000)
    for _ in range(5):
        backoff.next_ms(60_000)
    assert backoff.failures == 5
    backoff.reset()
    assert backoff.next_ms(60_000) == 500


def test_retry_after_is_a_lower_bound():
    """Devices that were told the same do not come back together."""
    assert Backoff(lambda: 0.5).next_ms(60_000, 30_000) == 30_500
    assert Backoff(lambda: 0.0).next_ms(60_000, 30_000) == 30_000
