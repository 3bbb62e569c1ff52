"""A data model that would delete mappings waits for consent, and keeps nothing else back."""

import json

import pytest

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
)

MODEL_1 = configuration("m1", "a", "b")
MODEL_2 = configuration("m2", "a", "b", "c")
MODEL_3 = configuration("m3", "a", "b", "d")
LOST = "a -> 9a41 Press.force"


def mapping(point, *, kept):
    target = {"entityId": "9a41", "propertySetName": "Press", "propertyName": "force"}
    return {"dataPointId": point, "keepMapping": kept, **target}


class Bench:
    """One mapping that goes with the next model, one that stays; consent by record number."""

    def __init__(self, platform=None, **settings):
        mapped = [mapping("a", kept=False), mapping("b", kept=True)]
        self.platform = platform or FakePlatform(MODEL_1, mapped=mapped)
        self.buffer = MemoryBuffer()
        self.clock = FakeClock()
        self.consents = {}
        self.local_model = None
        self.start(**settings)

    def start(self, **settings):
        """As after a restart: what was in memory is gone."""
        self.uploader = Uploader(
            self.buffer,
            FakeSession(self.platform, self.clock),
            clock=self.clock,
            random_unit=lambda: 0.5,
            settings=UploadSettings(min_interval_s=0, **settings),
            consent=lambda sequence: self.consents.get(sequence, False),
            local_model=lambda: self.local_model,
            sleep_ms=self.clock.sleep_ms,
        )

    def upload(self, timeout_s=30):
        report = self.uploader.upload(timeout_s)
        assert self.buffer.pinned == []
        return report

    @property
    def models(self):
        return [
            one["configurationId"] for one in self.platform.received("dataSourceConfiguration")
        ]

    @property
    def question(self):
        return self.uploader.status()["consent"]


@pytest.fixture
def bench():
    return Bench()


def test_without_consent_it_is_held_and_says_which_mappings_and_what_to_do(bench, caplog):
    add_model(bench.buffer, MODEL_2)
    report = bench.upload()
    assert (bench.models, report.pending) == ([], 1)
    assert bench.question == {"model": "m2", "mappings": [LOST]}
    held = bench.uploader.status()["held"]["models"]
    assert f"m2 is not sent: it would delete what was mapped without keepMapping: {LOST}." in held
    assert "mcagent model --lose-mappings" in held
    assert held in caplog.text
    assert held in report.reason
    bench.upload(timeout_s=3600)
    assert caplog.text.count(held) == 1, "once, not at each look"
    assert bench.platform.count("GET", "/dataPointMappings") <= 12


def test_everything_else_goes_meanwhile(bench):
    """Samples of the new model, too, as the setting `unmapped` has it: under the present one."""
    add_samples(bench.buffer, [1])
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [2, 3], "m2")
    add_events(bench.buffer, [1000])
    assert bench.upload().pending == 1
    assert bench.platform.samples == [1, 2, 3]
    assert bench.platform.dropped == []
    assert len(bench.platform.received("businessEvent")) == 1
    assert bench.models == []
    add_samples(bench.buffer, [4], "m2")
    bench.clock.sleep_ms(3_600_000)
    assert bench.upload().pending == 1
    assert bench.platform.samples == [1, 2, 3, 4]


def test_consent_ends_the_wait_at_once(bench):
    add_model(bench.buffer, MODEL_2)
    add_samples(bench.buffer, [1], "m2")
    bench.upload()
    bench.consents[1] = [LOST]
    assert bench.upload(timeout_s=5).pending == 0
    assert bench.models == ["m2"]
    assert bench.platform.mapped == [mapping("b", kept=True)]
    assert bench.question is None
    assert bench.uploader.status()["held"] == {}


@pytest.mark.parametrize("consent", [["b -> 9a41 Press.force"], [], False])
def test_consent_to_other_mappings_is_none(bench, consent):
    bench.consents[1] = consent
    add_model(bench.buffer, MODEL_2)
    assert bench.upload().pending == 1
    assert bench.models == []


def test_a_mapping_that_was_made_after_the_consent_is_not_covered(bench):
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    bench.platform.mapped.append(mapping("b", kept=False))
    bench.consents[1] = [LOST]
    assert bench.upload().pending == 1
    assert bench.question["mappings"] == [LOST, "b -> 9a41 Press.force"]


def test_consent_to_all_covers_what_comes_later(bench):
    bench.consents[1] = True
    bench.platform.mapped.append(mapping("b", kept=False))
    add_model(bench.buffer, MODEL_2)
    assert bench.upload().pending == 0


def test_the_standing_consent_of_the_settings(caplog):
    """What goes is named all the same."""
    bench = Bench(lose_mappings=True)
    add_model(bench.buffer, MODEL_2)
    assert bench.upload().pending == 0
    assert bench.models == ["m2"]
    assert "deletes: " + LOST in caplog.text


def test_mappings_that_are_made_again_with_keep_mapping_end_the_wait(bench):
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    bench.platform.mapped = [mapping("a", kept=True), mapping("b", kept=True)]
    bench.clock.sleep_ms(360_000)
    assert bench.upload().pending == 0
    assert bench.models == ["m2"]


def test_a_restart_asks_again(bench):
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    bench.start()
    assert bench.upload().pending == 1
    assert bench.models == []
    assert bench.question["model"] == "m2"


def test_a_newer_model_takes_the_place_of_one_that_nobody_consented_to(bench):
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    add_model(bench.buffer, MODEL_3)
    bench.consents[2] = True
    assert bench.upload().pending == 0
    assert bench.models == ["m3"]
    ((lane, sequence, words),) = bench.buffer.rejected
    assert (lane, sequence) == ("models", 1)
    assert "a newer data model came before anybody consented" in words["reason"]


def test_the_platforms_own_model_submitted_again_ends_the_matter(bench):
    """A change that was taken back: nothing is sent at all."""
    add_model(bench.buffer, MODEL_2)
    bench.upload()
    add_model(bench.buffer, MODEL_1)
    assert bench.upload().pending == 0
    assert bench.models == []
    assert bench.question is None


def test_consent_to_a_model_is_not_consent_to_the_next():
    """Also not as the proof that the one before is at fault."""
    bench = Bench()
    bench.platform.refuses = lambda item: item["records"][0] == MODEL_2
    bench.consents[1] = True
    add_model(bench.buffer, MODEL_2)
    sent = bench.platform.send

    def send(request):
        answer = sent(request)
        if answer.status == 400 and bench.buffer.next_sequence("models") == 2:
            del bench.consents[1]  # `ModelStore` knows that of the last model alone
            add_model(bench.buffer, MODEL_3)
        return answer

    bench.platform.send = send
    bench.upload(timeout_s=4 * 3600)
    assert bench.models == []
    assert mapping("a", kept=False) in bench.platform.mapped
    assert bench.question == {"model": "m3", "mappings": [LOST]}


def test_a_right_to_read_mappings_that_is_missing_is_no_consent(bench):
    """Nobody can be told which go: it is held, and says what to grant."""
    bench.platform.mappings_status = 403
    add_model(bench.buffer, MODEL_2)
    bench.consents[1] = [LOST]
    report = bench.upload()
    assert (bench.models, report.pending) == ([], 1)
    assert "map.r" in report.reason
    assert bench.question["mappings"] is None
    bench.consents[1] = True
    assert bench.upload().pending == 0


def test_a_first_model_needs_no_right_to_read_mappings():
    """Without a configuration there is nothing that could have been mapped."""
    bench = Bench(FakePlatform())
    bench.platform.mappings_status = 403
    add_model(bench.buffer, MODEL_1)
    assert bench.upload().pending == 0
    assert bench.models == ["m1"]


def test_mappings_that_were_made_before_the_first_model_count():
    """The service has a flag for making them so (`noAgentValidation`)."""
    bench = Bench(FakePlatform(mapped=[mapping("a", kept=False)]))
    add_model(bench.buffer, MODEL_1)
    assert bench.upload().pending == 1
    assert bench.question["mappings"] == [LOST]


def test_a_mapping_service_in_trouble_is_waited_for(bench):
    """What was read a while ago is no answer to this question."""
    add_samples(bench.buffer, [1])
    bench.upload()
    bench.platform.mappings_status = 503
    add_model(bench.buffer, MODEL_2)
    add_events(bench.buffer, [1000])
    assert bench.upload(timeout_s=2).pending == 1
    assert bench.models == []
    assert len(bench.platform.received("businessEvent")) == 1


@pytest.mark.parametrize("unmapped", ["send", "hold"])
def test_it_is_asked_for_whatever_becomes_of_unmapped_points(unmapped):
    bench = Bench(unmapped=unmapped)
    add_model(bench.buffer, MODEL_2)
    assert bench.upload().pending == 1
    assert bench.question["mappings"] == [LOST]


def test_a_gateway_that_knows_no_path_for_a_while_gets_no_model(bench):
    """404 to both questions, and exchanges pass: what was mapped a moment ago may be there still."""
    bench.local_model = json.dumps(MODEL_1).encode()
    add_samples(bench.buffer, [1])
    assert bench.upload().pending == 0
    sent = len(bench.platform.received("dataSourceConfiguration"))
    send = bench.platform.send
    lost = Response(404, {"content-type": "application/json"}, b'{"message": "no route"}')
    bench.platform.send = lambda request: lost if request.method == "GET" else send(request)
    bench.clock.sleep_ms(3_600_000)
    add_samples(bench.buffer, [2])
    bench.upload(600)
    assert len(bench.platform.received("dataSourceConfiguration")) == sent
    assert "no data source configuration" in bench.uploader.status()["held"]["timeseries"]
    bench.platform.send = send
    bench.upload(600)
    assert bench.platform.samples == [1, 2]
    assert len(bench.platform.received("dataSourceConfiguration")) == sent
    assert bench.uploader.status()["held"] == {}
