"""Data source configuration: check, replace, and what a replacement does to mappings.

Source: agent API 5 (limits in 5.1, eTags in 5.2, side effects in 5.3) and 6.4.4 (by exchange).
"""

import json
import sqlite3
from typing import Any

from .answers import Refusal
from .assets import put_variable
from .breaches import Breaches
from .mappings import add_mapping
from .settings import Settings
from .values import READERS


def points_of(row: sqlite3.Row) -> dict[str, dict[str, Any]]:
    """Give an agent's data points by id; empty before the first configuration."""
    if row["dsc"] is None:
        return {}
    sources = json.loads(row["dsc"])["dataSources"]
    return {point["id"]: point for source in sources for point in source["dataPoints"]}


def show_configuration(row: sqlite3.Row, settings: Settings) -> dict[str, Any]:
    """Shape the configuration as GET and PUT answer it.

    Raises:
        Refusal: 404, there is none and the switch says so (sources disagree, agent API 5.2).
    """
    if row["dsc"] is None:
        if settings.dsc_404_before_first_put:
            raise Refusal(404, "Data source configuration not found.")
        return {"id": row["dsc_id"], "eTag": "0", "configurationId": None, "dataSources": []}
    return {"id": row["dsc_id"], "eTag": str(row["dsc_etag"]), **json.loads(row["dsc"])}


def check_configuration(value: Any, breaches: Breaches) -> dict[str, Any]:
    """Give the configuration with only its documented members, units filled in.

    Raises:
        ValueError: It breaks a limit of agent API 5.1; the text names where.
    """
    checked = _checked(value)
    for source in value["dataSources"]:
        for point in source["dataPoints"]:
            # The description asks for a unit, which may be empty; a known client leaves it out.
            words = f"data point {point['id']} has no member unit"
            if "unit" not in point and breaches.forbids("require_units", words):
                raise ValueError(words)
    return checked


def _checked(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("configuration is not a JSON object")  # noqa: TRY004 - bad input
    sources = value.get("dataSources")
    if not isinstance(sources, list):
        raise ValueError("dataSources is not an array")  # noqa: TRY004 - bad input
    seen: set[str] = set()
    return {
        "configurationId": _text(value, "configurationId", 36, "configuration"),
        "dataSources": [_source(source, seen) for source in sources],
    }


def _source(source: Any, seen: set[str]) -> dict[str, Any]:
    if not isinstance(source, dict) or not isinstance(source.get("dataPoints"), list):
        raise ValueError(  # noqa: TRY004 - bad input
            "a data source is not an object with an array dataPoints"
        )
    name = _text(source, "name", 64, "data source")
    checked = {"name": name, **_optional(source, f"data source {name}")}
    checked["dataPoints"] = [_point(point, name, seen) for point in source["dataPoints"]]
    return checked


def _point(point: Any, source: str, seen: set[str]) -> dict[str, Any]:
    where = f"data point of {source}"
    if not isinstance(point, dict):
        raise ValueError(f"{where} is not an object")  # noqa: TRY004 - bad input
    point_id = _text(point, "id", 36, where)
    where = f"data point {point_id}"
    if point_id in seen:
        raise ValueError(f"{where} occurs twice; ids are unique in the whole configuration")
    seen.add(point_id)
    if not isinstance(point.get("type"), str) or point["type"] not in READERS:
        raise ValueError(f"{where} has type {str(point.get('type'))[:40]!r}")
    unit = point.get("unit", "")
    if not isinstance(unit, str) or len(unit) > 32:
        raise ValueError(f"unit of {where} is not text of at most 32 characters")
    return {
        "id": point_id,
        "name": _text(point, "name", 64, where),
        "type": point["type"],
        "unit": unit,
        **_optional(point, where),
    }


def _text(holder: dict[str, Any], name: str, longest: int, where: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise ValueError(f"{name} of {where} is not text of 1 to {longest} characters")
    return value


def _optional(holder: dict[str, Any], where: str) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    description = holder.get("description")
    if description is not None:
        if not isinstance(description, str) or len(description) > 256:
            raise ValueError(f"description of {where} is not text of at most 256 characters")
        kept["description"] = description
    custom = holder.get("customData")
    if custom is not None:
        if not isinstance(custom, dict):
            raise ValueError(f"customData of {where} is not an object")
        kept["customData"] = custom
    return kept


def replace_configuration(
    db: sqlite3.Connection, row: sqlite3.Row, configuration: dict[str, Any]
) -> None:
    """Put a checked configuration in place; eTag + 1, also for an identical one (5.3, a guess).

    Mappings without `keepMapping` are deleted; the others stay and their validity follows the new
    points. An agent with automatic mapping gets its variables and mappings here.
    """
    db.execute(
        "UPDATE agents SET dsc = ?, dsc_etag = dsc_etag + 1 WHERE id = ?",
        (json.dumps(configuration), row["id"]),
    )
    db.execute("DELETE FROM mappings WHERE agent = ? AND NOT keep", (row["id"],))
    if row["automap"]:
        _map_all(db, row["id"], row["automap"], configuration)


def map_current(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    """Map the points of the configuration that an agent already has, if it has one."""
    if row["automap"] and row["dsc"] is not None:
        _map_all(db, row["id"], row["automap"], json.loads(row["dsc"]))


def _map_all(
    db: sqlite3.Connection, agent: str, asset: str, configuration: dict[str, Any]
) -> None:
    """Give *asset* one variable a point (aspect = data source, variable = point id) and map it."""
    for source in configuration["dataSources"]:
        for point in source["dataPoints"]:
            put_variable(db, asset, source["name"], point["id"], point)
            add_mapping(
                db,
                agent=agent,
                point=point["id"],
                entity=asset,
                aspect=source["name"],
                variable=point["id"],
                keep=True,
            )
