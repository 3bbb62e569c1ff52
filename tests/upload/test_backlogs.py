"""Property: whatever is buffered and whatever the platform answers, order and limits hold."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcagent.errors import TransportError
from mcagent.transport.http import Response
from mcagent.upload.uploader import Uploader, UploadSettings
from tests.upload.fakes import (
    FakeClock,
    FakePlatform,
    FakeSession,
    MemoryBuffer,
    add_events,
    add_model,
    add_samples,
    configuration,
    out_of_place,
)

# What is recorded: ("samples", how many, bytes each) or ("events", …) or ("model", number, 0).
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("samples"), st.integers(1, 40), st.integers(0, 400)),
        st.tuples(st.just("events"), st.integers(1, 20), st.integers(0, 400)),
        st.tuples(st.just("model"), st.integers(1, 4), st.just(0)),
    ),
    min_size=1,
    max_size=8,
)
# What goes wrong, in order; None is an honest answer.
TROUBLES = st.lists(
    st.one_of(
        st.none(),
        st.sampled_from([200, 201, 302, 400, 401, 403, 404, 408, 413, 415, 429, 500, 503]),
        st.sampled_from(["dns", "timeout", "closed", "body"]),
    ),
    max_size=12,
)


def trouble(what):
    if what is None:
        return None
    if isinstance(what, int):
        headers = {"content-type": "text/html"} if what == 200 else {"retry-after": "3"}
        return Response(what, headers, b"<html>" if what == 200 else b"")
    return TransportError("no answer", kind=what)


def in_order(numbers, lies):
    """The records that arrived. Each refusal that was a lie may have let the proof behind the
    suspected record arrive before it; otherwise first arrivals are in order."""
    first = list(dict.fromkeys(numbers))
    assert out_of_place(first) <= lies
    return sorted(first)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=STEPS,
    troubles=TROUBLES,
    most=st.sampled_from([1_500, 4_000, 50_000]),
    cut_again=st.booleans(),
)
def test_no_body_over_a_limit_no_record_lost_or_reordered(steps, troubles, most, cut_again):
    platform = FakePlatform(configuration("m0", "a"), mapped=["a"])
    buffer = MemoryBuffer(cut_again=cut_again)
    clock = FakeClock()
    uploader = Uploader(
        buffer,
        FakeSession(platform, clock),
        clock=clock,
        random_unit=lambda: 0.5,
        settings=UploadSettings(max_exchange_bytes=most, max_timeseries_bytes=most // 2),
        sleep_ms=clock.sleep_ms,
    )
    platform.answers = [trouble(what) for what in troubles]
    platform.model_delay = 2
    present = "m0"
    samples = []
    events = 0
    for kind, number, size in steps:
        if kind == "samples":
            added = range(len(samples), len(samples) + number)
            add_samples(buffer, added, present, size)
            samples += [present] * number
        elif kind == "events":
            add_events(buffer, range(events, events + number), size)
            events += number
        else:
            present = "m%d" % number
            add_model(buffer, configuration(present, "a"))
        uploader.step()
    for _ in range(200):
        clock.sleep_ms(600_000)
        if uploader.upload(timeout_s=3600).pending == 0:
            break
        assert buffer.pinned == []
    assert uploader.status()["set_aside"] == len(buffer.rejected)

    refused = {(lane, sequence - 1) for lane, sequence, _ in buffer.rejected}
    kept = [n for n in range(len(samples)) if ("timeseries", n) not in refused]
    lies = sum(what in (400, 413, 415, 500, 503, "body") for what in troubles)
    assert in_order(platform.samples, lies) == kept
    kept = [n for n in range(events) if ("events", n) not in refused]
    received = [event["e"] for event in platform.received("businessEvent")]
    assert in_order(received, lies) == kept
    # One lie proves nothing: what is set aside was refused, another one accepted, and it again.
    assert 2 * len(refused) <= lies
    if not any(lane == "models" for lane, _, _ in buffer.rejected):
        # Samples of a refused model go under the next one: its own does not exist there.
        assert platform.dropped == []
        for item in [item for items in platform.exchanges for item in items]:
            if item["type"] == "standardTimeSeries":
                for sample in item["records"]:
                    assert samples[sample["n"]] == item["configuration_id"]
    assert platform.largest <= most
    assert platform.largest_timeseries <= most // 2
