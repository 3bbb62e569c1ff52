"""A data model made from what an asset records, so that every point has a variable to go to."""

import json
from collections import Counter
from typing import Any, Iterable

from ..errors import InvalidMessage
from ..limits import DATA_POINT_ID_MAX_CHARACTERS
from ..messages.datamodel import DataModel, DataPoint, DataSource
from .assets_values import DYNAMIC, Aspect


def model_from_aspects(model_id: str, aspects: "Iterable[Aspect]") -> DataModel:
    """Give a model with one data source an aspect and one data point a variable.

    Names, types, units and lengths are the variables' own, so `generate_mappings` maps all of
    them. A point's id is its variable's name; ``aspect.variable`` where two aspects share a name.

    Args:
        model_id: The configuration id, 1 to 36 characters.
        aspects: Static ones are left out: nothing is measured in them.

    Raises:
        InvalidMessage: There is no dynamic aspect, or an id would be longer than 36 characters.
    """
    dynamic = [one for one in aspects if one.category == DYNAMIC and one.variables]
    if not dynamic:
        raise InvalidMessage(
            "nothing is measured there: no dynamic aspect has a variable",
            hint="choose an asset, or a type, with an aspect of category dynamic",
        )
    names = Counter(variable.name for aspect in dynamic for variable in aspect.variables)
    sources = []
    for aspect in dynamic:
        points = []
        for variable in aspect.variables:
            alone = names[variable.name] == 1
            point_id = variable.name if alone else f"{aspect.name}.{variable.name}"
            if len(point_id) > DATA_POINT_ID_MAX_CHARACTERS:
                raise InvalidMessage(
                    f"the id of a data point would be {point_id!r}, which has more than "
                    f"{DATA_POINT_ID_MAX_CHARACTERS} characters",
                    hint="write the configuration by hand, with shorter ids",
                )
            points.append(
                DataPoint(
                    point_id,
                    variable.data_type,
                    unit=variable.unit,
                    name=variable.name,
                    length=variable.length,
                )
            )
        sources.append(DataSource(aspect.name, points))
    return DataModel(model_id, sources)


def same_model(one: "DataModel | None", other: "DataModel | None") -> bool:
    """Whether two models say the same, in whatever order the platform keeps their parts.

    A put that changes nothing would still delete every mapping without `keepMapping`.
    """
    if one is None or other is None or one == other:
        return one == other
    return _in_order(one) == _in_order(other)


def _in_order(model: DataModel) -> "tuple[str, list[Any]]":
    sources = json.loads(model.fragment())["dataSources"]
    for source in sources:
        source["dataPoints"].sort(key=lambda point: point["id"])
        for part in (source, *source["dataPoints"]):
            if part.get("customData") == {}:  # Siemens' Node client writes it always
                del part["customData"]
    # The ids of points are unique in the model, names of sources are not.
    return model.id, sorted(sources, key=lambda source: source["dataPoints"][0]["id"])
