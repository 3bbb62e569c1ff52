# portable
"""mcagent/messages/datamodel.py: the data source configuration, written and read."""

from mcagent.errors import InvalidMessage
from mcagent.messages.datamodel import DataModel, DataPoint, DataSource
from mcagent.messages.kinds import MODEL
from tests.helpers import raises
from tests.messages.golden import golden


def press(**changes):
    fields = {"name": "pressure", "description": "main line", "unit": "bar"}
    fields["custom_data"] = {"register": "40021"}
    fields.update(changes)
    return DataModel(
        "press-07-v1",
        [
            DataSource(
                "hydraulics",
                [DataPoint("P1", "DOUBLE", **fields), DataPoint("CNT", "LONG", name="strokes")],
                description="pump block",
                custom_data={"host": "10.0.0.4"},
            )
        ],
    )


def source(*points):
    return DataSource("s", list(points) or [DataPoint("p", "INT")])


def test_golden_model():
    """The specification's example, compact; what is empty is left out, the unit is not."""
    assert b"\r\n" + press().fragment() + b"\r\n" in golden("mixed.body")


def test_text_fields_hold_their_limits():
    """At the limit it passes; one beyond names field, limit and source."""
    for most, field, make in (
        (36, "configuration id", lambda text: DataModel(text, [source()])),
        (64, "data source name", lambda text: DataSource(text, [DataPoint("p", "INT")])),
        (
            256,
            "description",
            lambda text: DataSource("s", [DataPoint("p", "INT")], description=text),
        ),
        (36, "data point id", lambda text: DataPoint(text, "INT")),
        (64, "name", lambda text: DataPoint("p", "INT", name=text)),
        (256, "description", lambda text: DataPoint("p", "INT", description=text)),
        (32, "unit", lambda text: DataPoint("p", "INT", unit=text)),
    ):
        make("t" * most)
        make("ü" * most)
        error = raises(InvalidMessage, make, "t" * (most + 1))
        for part in (field, str(most), str(most + 1), "Agent Management"):
            assert part in error.message, error.message
        for wrong in (7, b"x", chr(0xD800)):
            assert field in raises(InvalidMessage, make, wrong).message


def test_what_must_not_be_empty():
    """Ids and names; unit and description may."""
    for make in (
        lambda: DataModel("", [source()]),
        lambda: DataSource("", [DataPoint("p", "INT")]),
        lambda: DataPoint("", "INT"),
        lambda: DataPoint("p", "INT", name=""),
    ):
        assert "empty" in raises(InvalidMessage, make).message
    assert DataPoint("p", "INT").name == "p"


def test_a_model_has_sources_and_a_source_has_points():
    """Neither may be missing, and both are what they say."""
    assert "none" in raises(InvalidMessage, DataModel, "m", []).message
    assert "none" in raises(InvalidMessage, DataSource, "s", []).message
    for wrong in (None, "s", [7], {"s": 1}, [DataPoint("p", "INT")]):
        raises(InvalidMessage, DataModel, "m", wrong)
    for wrong in (None, "p", [7], [source()]):
        raises(InvalidMessage, DataSource, "s", wrong)


def test_ids_are_unique_in_the_whole_model():
    """Also over data sources; the message names point and source."""
    twice = [source(DataPoint("a", "INT")), DataSource("t", [DataPoint("a", "LONG")])]
    error = raises(InvalidMessage, DataModel, "m", twice)
    assert "'a'" in error.message
    assert "'t'" in error.message
    raises(InvalidMessage, DataModel, "m", [source(DataPoint("a", "INT"), DataPoint("a", "INT"))])


def test_types_and_lengths():
    """Seven types; a length for the two texts only, within the type's own."""
    for data_type in ("INT", "LONG", "DOUBLE", "BOOLEAN", "TIMESTAMP"):
        assert DataPoint("p", data_type).type == data_type
        assert data_type in raises(InvalidMessage, DataPoint, "p", data_type, length=5).message
    for data_type, most in (("STRING", 255), ("BIG_STRING", 100_000)):
        for length in (1, most):
            assert DataPoint("p", data_type, length=length).length == length
        for length in (0, most + 1, -1, True, 1.5, "5"):
            error = raises(InvalidMessage, DataPoint, "p", data_type, length=length)
            assert str(most) in error.message
    for wrong in ("double", "FLOAT", "", None, 7):
        error = raises(InvalidMessage, DataPoint, "p", wrong)
        assert "DOUBLE" in error.hint


def test_custom_data_is_an_object():
    """Any JSON object; errors carry their path."""
    error = raises(InvalidMessage, DataPoint, "p", "INT", custom_data={"a": [float("nan")]})
    assert "custom_data.a[0]" in error.message
    assert "'p'" in error.message
    raises(InvalidMessage, DataPoint, "p", "INT", custom_data=[1])
    raises(InvalidMessage, DataSource, "s", [DataPoint("p", "INT")], custom_data="x")
    assert (
        b'"customData":{}'
        in DataModel("m", [source(DataPoint("p", "INT", custom_data={}))]).fragment()
    )


def test_points_by_id():
    """Of all data sources."""
    model = DataModel(
        "m", [source(DataPoint("a", "INT")), DataSource("t", [DataPoint("b", "LONG")])]
    )
    assert sorted(model.points) == ["a", "b"]
    assert model.points["b"].type == "LONG"


def test_equality_is_that_of_the_wire():
    """Lengths are not on the wire."""
    assert press() == press()
    assert hash(press()) == hash(press())
    assert press() != press(unit="Pa")
    assert press() != 7
    one = DataModel("m", [source(DataPoint("p", "STRING", length=5))])
    assert one == DataModel("m", [source(DataPoint("p", "STRING"))])


def test_fragment_reads_back():
    """The same model, from bytes and from the platform's answer."""
    assert DataModel.parse(press().fragment()) == press()
    answer = b'{"id":"0f5b","eTag":"3",' + press().fragment()[1:]
    assert DataModel.parse(answer) == press()


def test_answers_are_read_with_tolerance():
    """Missing and null members, lower case types, members of later versions."""
    model = DataModel.parse(
        {
            "configurationId": "m",
            "eTag": "1",
            "dataSources": [
                {
                    "name": "s",
                    "description": None,
                    "customData": None,
                    "later": 1,
                    "dataPoints": [
                        {"id": "a", "type": "int", "unit": None, "name": None, "later": []},
                        {"id": "b", "type": "BIG_STRING", "name": "B", "customData": {"x": 1}},
                    ],
                }
            ],
        }
    )
    a, b = model.points["a"], model.points["b"]
    assert (a.type, a.unit, a.name, a.description, a.custom_data) == ("INT", "", "a", "", None)
    assert (b.type, b.name, b.custom_data) == ("BIG_STRING", "B", {"x": 1})


def test_what_is_no_model_is_refused():
    """Also the empty answer that a new agent gets."""
    for data in (
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"null",
        {},
        {"configurationId": None, "dataSources": []},
        {"configurationId": "m"},
        {"configurationId": "m", "dataSources": [7]},
        {"configurationId": "m", "dataSources": [{"name": "s"}]},
        {"configurationId": "m", "dataSources": [{"name": "s", "dataPoints": [None]}]},
        {"configurationId": 7, "dataSources": [{"name": "s", "dataPoints": [{"id": "a"}]}]},
    ):
        raises(InvalidMessage, DataModel.parse, data)


def test_state_keeps_lengths():
    """What is stored beside the buffer holds more than the wire."""
    import json

    model = DataModel(
        "m",
        [
            source(
                DataPoint("a", "STRING", length=5, description="d"), DataPoint("b", "BIG_STRING")
            ),
            DataSource(
                "t", [DataPoint("c", "INT", custom_data={"x": [1]})], custom_data={"y": None}
            ),
        ],
    )
    again = DataModel.from_state(json.loads(json.dumps(model.to_state())))
    assert again == model
    assert again.points["a"].length == 5
    assert again.points["b"].length is None
    assert again.to_state() == model.to_state()


def test_reprs_are_short():
    """For logs."""
    assert repr(press()) == "<DataModel press-07-v1: 2 data points>"
    assert repr(press().sources[0]) == "<DataSource hydraulics: 2 data points>"
    assert repr(press().points["P1"]) == "<DataPoint P1 DOUBLE>"
    assert (DataModel.lane, DataModel.kind) == ("models", MODEL)
