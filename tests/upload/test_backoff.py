# portable
from mcagent.upload.backoff import RETRY_AFTER_CAP_MS, Backoff, http_date_ms, retry_after_ms

NOON = "Sat, 21 Nov 2026 12:00:00 GMT"
NOON_MS = 1_795_262_400_000


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


def test_retry_after_is_a_lower_bound_and_absurd_values_are_capped():
    assert Backoff(lambda: 0.5).next_ms(60_000, 30_000) == 30_500
    assert Backoff(lambda: 0.0).next_ms(60_000, 86_400_000_000) == RETRY_AFTER_CAP_MS
    assert Backoff(lambda: 0.5).next_ms(60_000, -5) == 500


def test_retry_after_in_seconds_and_as_a_date():
    assert retry_after_ms("120", "", 0) == 120_000
    assert retry_after_ms(" 0 ", "", 0) == 0
    later = "Sat, 21 Nov 2026 12:01:30 GMT"
    assert retry_after_ms(later, NOON, 0) == 90_000, "the device's clock does not matter"
    assert retry_after_ms(later, "", NOON_MS) == 90_000
    assert retry_after_ms(NOON, later, 0) == 0, "a moment that is over"


def test_retry_after_that_makes_no_sense_counts_as_absent():
    for text in ("", "soon", "-1", "1.5", "tomorrow at noon please thanks GMT", "1e3"):
        assert retry_after_ms(text, NOON, 0) is None, text


def test_http_dates():
    assert http_date_ms("Thu, 01 Jan 1970 00:00:00 GMT") == 0
    assert http_date_ms("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777_000  # RFC 9110, 5.6.7
    assert http_date_ms("Thu, 29 Feb 2024 23:59:59 GMT") == 1_709_251_199_000
    assert http_date_ms("Fri, 01 Mar 2024 00:00:00 GMT") == 1_709_251_200_000
    assert http_date_ms("Tue, 19 Jan 2038 03:14:08 GMT") == 2_147_483_648_000
    assert http_date_ms(NOON) == NOON_MS
    for text in (
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "a b c d e GMT",
    ):
        assert http_date_ms(text) is None, text
