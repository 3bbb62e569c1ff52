"""host_metrics.py: readings arrive, through an outage, a kill and a clock that is wrong."""


def times(hub):
    """The time of each sample that the platform stored, in order."""
    hub.settle()  # the platform answers first and stores a moment later; so does the hub
    return sorted({record["_time"] for record in hub.stored(aspect="memory")})


def test_readings_arrive_and_sigterm_ends_it(insights_hub, collector):
    script = collector("host_metrics", every_s=0.1)
    script.wait_for(lambda: len(times(insights_hub)) > 5)
    assert script.stop() == 0
    record = insights_hub.stored(aspect="memory")[0]
    assert record["values"]["memory_used"] > 0
    assert 0 < record["values"]["memory_load"] <= 100
    (event,) = insights_hub.received(kind="event")
    assert event["event"]["description"] == "collector started"


def test_what_was_synced_survives_an_outage_and_a_kill(insights_hub, collector):
    script = collector("host_metrics", every_s=0.1)
    script.wait_for(lambda: times(insights_hub))
    insights_hub.disconnect()  # the port is closed: nothing answers
    script.wait_for(lambda: script.durable() > len(times(insights_hub)))
    durable = script.durable()
    script.kill()
    script = collector("host_metrics", every_s=0.1)
    assert len(times(insights_hub)) < durable
    insights_hub.reconnect()
    script.wait_for(lambda: len(times(insights_hub)) > durable)
    assert script.stop() == 0


def test_a_platform_whose_clock_is_an_hour_off_is_no_reason_to_stop(insights_hub, collector):
    insights_hub.set_clock(3600)
    script = collector("host_metrics", every_s=0.1)
    script.wait_for(lambda: len(times(insights_hub)) > 2)
    assert script.stop() == 0
