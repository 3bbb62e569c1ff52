"""Every limit at its value and one beyond: what passes arrives unchanged, the rest is refused here.

The hub is strict (1000-based sizes, whole-record replacement), the link is TLS.
"""

import hashlib
from decimal import Decimal

import pytest

from mcagent import (
    Agent,
    CustomData,
    DataModel,
    DataPoint,
    DataSource,
    Event,
    File,
    InvalidMessage,
)
from mcagent.emulator import Emulator
from mcagent.messages.timeseries import SampleEncoder

MODEL = DataModel(
    "limits-1",
    [
        DataSource(
            "wire",
            [
                DataPoint("int", "INT"),
                DataPoint("long", "LONG"),
                DataPoint("double", "DOUBLE"),
                DataPoint("string", "STRING"),
                DataPoint("short", "STRING", length=5),
                DataPoint("big", "BIG_STRING"),
                DataPoint("flag", "BOOLEAN"),
                DataPoint("flag2", "BOOLEAN"),
                DataPoint("flag3", "BOOLEAN"),
                DataPoint("moment", "TIMESTAMP"),
            ],
        )
    ],
)
T0 = 1_790_000_000_000
EXCHANGE = "POST /api/mindconnect/v3/exchange"

# name, accepted, its text on the wire, refused, a word of the message
VALUES = [
    ("int", 2**31 - 1, "2147483647", 2**31, "2147483647"),
    ("int", -(2**31), "-2147483648", -(2**31) - 1, "-2147483648"),
    ("long", 2**63 - 1, "9223372036854775807", 2**63, "9223372036854775807"),
    ("long", -(2**63), "-9223372036854775808", -(2**63) - 1, "-9223372036854775808"),
    ("double", Decimal("1E-130"), None, Decimal("9E-131"), "1E-130"),
    ("double", Decimal("9." + "9" * 37 + "E+125"), None, Decimal("1E+126"), "E+125"),
    ("double", Decimal("-9." + "9" * 37 + "E+125"), None, Decimal("-1E+126"), "E+125"),
    ("double", "0." + "1" * 38, None, "0." + "1" * 39, "38"),
    ("string", "ä" * 255, "ä" * 255, "ä" * 256, "255"),
    ("short", "12345", "12345", "123456", "5"),
    ("big", "x" * 100_000, "x" * 100_000, "x" * 100_001, "100"),
    ("flag", True, "true", 1, "flag"),
    ("moment", T0, "2026-09-21T14:13:20.000Z", "yesterday", "moment"),
]


@pytest.fixture(scope="module")
def hub():
    with Emulator(strict=True) as hub:
        yield hub


@pytest.fixture
def agent(hub, tmp_path, request):
    boarding = hub.create_agent(request.node.name[:100], automap=True)
    with Agent.open(str(tmp_path), boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.client_id = boarding["content"]["clientId"]
        agent.submit(MODEL)
        yield agent


def arrived(hub, agent, kind):
    """Upload everything; what the hub received of *kind* from this agent."""
    report = agent.upload(timeout_s=60)
    assert report.pending == 0, report
    assert report.set_aside == 0, report
    return hub.received(agent=agent.client_id, kind=kind)


@pytest.mark.parametrize(("point", "good", "text", "bad", "word"), VALUES)
def test_a_value_at_its_limit_arrives_and_one_beyond_is_refused(
    hub, agent, point, good, text, bad, word
):
    """The message names the point and the limit."""
    agent.record({point: good}, timestamp=T0)
    with pytest.raises(InvalidMessage) as caught:
        agent.record({point: bad}, timestamp=T0 + 1)
    assert point in caught.value.message
    assert word in caught.value.message + caught.value.hint
    assert len(caught.value.message) < 400
    (row,) = arrived(hub, agent, "timeseries")
    (value,) = row["values"]
    if text is None:
        assert Decimal(value["value"]) == Decimal(good)
    else:
        assert value["value"] == text


def test_a_record_of_200_000_counted_bytes_arrives_and_200_001_is_refused(hub, agent):
    """2 bytes a character, 1 a Boolean: 199 998 + 2, and one Boolean more."""
    text = "x" * 99_999
    agent.record({"big": text, "flag": True, "flag2": False}, timestamp=T0)
    with pytest.raises(InvalidMessage, match=r"200 ?001"):
        agent.record({"big": text, "flag": True, "flag2": False, "flag3": True}, timestamp=T0 + 1)
    (row,) = arrived(hub, agent, "timeseries")
    assert {value["dataPointId"] for value in row["values"]} == {"big", "flag", "flag2"}


def test_a_file_at_the_true_maximum_fits_an_exchange_and_one_byte_more_goes_in_parts(
    hub, agent, tmp_path
):
    """10 000 000 bytes minus its exact envelope; one more goes by the file service."""
    maximum = File(b"", name="probe.bin").exchange_bytes
    # The frame takes 271, the metadata 150, the content type 24 (agent API 6.2).
    assert maximum == 10_000_000 - 271 - 150 - 24
    before = hub.state()["requests"].get(EXCHANGE, 0)
    contents = {}
    for name, size in (("probe.bin", maximum), ("prob2.bin", maximum + 1)):
        path = _sized(tmp_path / name, size)
        contents[name] = size, hashlib.sha256(path.read_bytes()).hexdigest()
        agent.submit(File(str(path)))
    (exchanged,) = arrived(hub, agent, "file")
    assert hub.state()["requests"][EXCHANGE] == before + 2  # the model went before it
    assert exchanged["size"] == maximum
    stored = {file["name"]: (file["size"], file["sha256"]) for file in hub.files()}
    assert contents.items() <= stored.items()


def test_an_event_at_its_limits_arrives_and_beyond_is_refused(hub, agent):
    """255 characters of description."""
    agent.submit(Event("d" * 255))
    with pytest.raises(InvalidMessage, match="255"):
        agent.submit(Event("d" * 256))
    (event,) = arrived(hub, agent, "event")
    assert event["event"]["description"] == "d" * 255


@pytest.mark.parametrize(
    ("limit", "make"),
    [
        (36, lambda text: DataModel(text, [_source()])),
        (64, lambda text: DataModel("m", [DataSource(text, [DataPoint("p", "INT")])])),
        (256, lambda text: DataModel("m", [_source(description=text)])),
        (36, lambda text: DataModel("m", [DataSource("s", [DataPoint(text, "INT")])])),
        (64, lambda text: DataModel("m", [DataSource("s", [DataPoint("p", "INT", name=text)])])),
        (
            256,
            lambda text: DataModel(
                "m", [DataSource("s", [DataPoint("p", "INT", description=text)])]
            ),
        ),
        (32, lambda text: DataModel("m", [DataSource("s", [DataPoint("p", "INT", unit=text)])])),
    ],
)
def test_a_text_of_the_model_at_its_limit_arrives_and_one_beyond_is_refused(
    hub, tmp_path, limit, make
):
    """configurationId, names, descriptions, ids and unit."""
    with pytest.raises(InvalidMessage, match=str(limit)):
        make("t" * (limit + 1))
    boarding = hub.create_agent("model-%s" % tmp_path.name, automap=True)
    with Agent.open(str(tmp_path), boarding=boarding, ca_file=hub.ca_file) as agent:
        agent.client_id = boarding["content"]["clientId"]
        agent.submit(make("t" * limit))
        (model,) = arrived(hub, agent, "model")
    assert "t" * limit in str(model)


def test_samples_beyond_one_megabyte_are_split(hub, agent):
    """No exchange carries more than 1 000 000 bytes of time series, and nothing is lost."""
    for number in range(14):
        agent.record({"big": "%06d" % number + "y" * 99_990}, timestamp=T0 + number)
    rows = arrived(hub, agent, "timeseries")
    assert [row["values"][0]["value"][:6] for row in rows] == ["%06d" % n for n in range(14)]
    assert len({row["exchange"] for row in rows}) >= 2


def test_an_exchange_of_1_mb_of_samples_is_one_and_one_byte_more_is_two(hub, agent):
    """Counted with brackets and commas; nothing is refused on the way."""
    for number in range(40):  # until the link is known to carry so much at once
        agent.record({"big": "y" * 99_990}, timestamp=T0 + number)
    arrived(hub, agent, "timeseries")
    one = len(SampleEncoder(MODEL).encode({"big": "y"}, T0)) - 1
    for start, total, exchanges in ((100, 1_000_000, 1), (200, 1_000_001, 2)):
        sizes = [90_000] * 10 + [total - 2 - 10 - 10 * 90_000 - 11 * one]
        for number, size in enumerate(sizes):
            agent.record({"big": "y" * size}, timestamp=T0 + start + number)
        before = hub.state()["requests"][EXCHANGE]
        rows = arrived(hub, agent, "timeseries")[-11:]
        assert hub.state()["requests"][EXCHANGE] == before + exchanges
        assert [len(row["values"][0]["value"]) for row in rows] == sizes
        assert len({row["exchange"] for row in rows}) == exchanges


def test_custom_data_arrives_as_it_is(hub, agent):
    """Type, version, details and bytes."""
    agent.submit(CustomData("acme.spectrum", bytes(range(256)) * 4, details={"bins": 1024}))
    (item,) = arrived(hub, agent, "custom")
    assert item["type"] == "acme.spectrum"
    assert item["details"] == {"bins": 1024}
    assert item["sha256"] == hashlib.sha256(bytes(range(256)) * 4).hexdigest()


def _source(description=""):
    return DataSource("s", [DataPoint("p", "INT")], description=description)


def _sized(path, size):
    with open(path, "wb") as file:
        file.writelines(b"\x00\r\n--boundary" + b"z" * 999_987 for _ in range(size // 1_000_000))
        file.write(b"w" * (size % 1_000_000))
    assert path.stat().st_size == size
    return path
