"""What an aspect type, an asset type and an asset must look like (services API 5.2 to 5.4).

Each function gives the resource with only its documented members and their defaults.
"""

import re
from typing import Any

from .answers import Refusal
from .values import READERS

_TYPE_ID = re.compile(r"([A-Za-z0-9_]{1,8})\.([A-Za-z0-9_]+)")
_ASPECT_NAME = re.compile(r"[A-Za-z0-9_]{1,128}")
_IN_TYPE = re.compile(r"[A-Za-z0-9_]{1,64}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_FORBIDDEN = frozenset(
    (
        *("id", "name", "description", "tenant", "etag", "scope", "properties", "propertySets"),
        *("extends", "variables", "aspects", "parentTypeId"),
    )
)
_LENGTHS = {"STRING": 255, "BIG_STRING": 100_000}
_BYTES = {"INT": 4, "LONG": 8, "DOUBLE": 8, "BOOLEAN": 1, "TIMESTAMP": 8}
_BIG_STRINGS_MAX = 100_000
_RECORD_MAX = 200_000
_LIST_MAX = 500
_LOCATION_TEXTS = ("country", "region", "locality", "streetAddress", "postalCode")


def split_type_id(type_id: str) -> tuple[str, str]:
    """Give tenant and name of a type's id.

    Raises:
        Refusal: 400, not of the form `tenant.name` with at most 128 characters.
    """
    match = _TYPE_ID.fullmatch(type_id) if len(type_id) <= 128 else None
    if match is None:
        raise Refusal(400, f"Type id {type_id[:140]!r} is not tenant.name with 1 to 8 and more.")
    return match[1], match[2]


def aspect_type(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Check an aspect type, whose id ends in *name*.

    Raises:
        Refusal: 400.
    """
    category = _choice(body, "category", ("dynamic", "static"), None)
    checked = {
        "name": _same_name(body, name, _ASPECT_NAME),
        "category": category,
        "scope": _choice(body, "scope", ("private", "public"), "private"),
        "description": _description(body),
        "variables": variables(body.get("variables"), category),
    }
    if not checked["variables"]:
        raise Refusal(400, "An aspect type needs at least one variable.")
    return checked


def asset_type(body: dict[str, Any], name: str) -> dict[str, Any]:
    """Check an asset type; that parent and aspect types exist is not seen here.

    Raises:
        Refusal: 400.
    """
    instantiable = body.get("instantiable", True)
    if not isinstance(instantiable, bool):
        raise Refusal(400, "instantiable must be true or false.")
    parent = body.get("parentTypeId")
    if not isinstance(parent, str):
        raise Refusal(400, "parentTypeId is missing or not text.")
    return {
        "name": _same_name(body, name, _ASPECT_NAME),
        "description": _description(body),
        "parentTypeId": parent,
        "instantiable": instantiable,
        "scope": _choice(body, "scope", ("private", "public"), "private"),
        "aspects": [_aspect(entry) for entry in _list(body, "aspects")],
        "variables": variables(body.get("variables"), "static"),
        "fileAssignments": [],
    }


def _aspect(entry: Any) -> dict[str, str]:
    """Read `{name, aspectTypeId}`; an answer sent back has the whole `aspectType` instead."""
    if not isinstance(entry, dict):
        raise Refusal(400, "An aspect of an asset type must be an object.")
    name, kind = entry.get("name"), entry.get("aspectTypeId")
    if kind is None and isinstance(entry.get("aspectType"), dict):
        kind = entry["aspectType"].get("id")
    if not isinstance(name, str) or not _IN_TYPE.fullmatch(name):
        raise Refusal(400, "name of an aspect must be 1 to 64 letters, digits or '_'.")
    if not isinstance(kind, str):
        raise Refusal(400, f"aspectTypeId of aspect {name} is missing.")
    return {"name": name, "aspectTypeId": kind}


def variables(given: Any, category: str) -> list[dict[str, Any]]:
    """Check the variables of a type; *category* is dynamic or static.

    Raises:
        Refusal: 400.
    """
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > _LIST_MAX:
        raise Refusal(400, f"variables must be a list of at most {_LIST_MAX}.")
    checked = [variable(entry, category) for entry in given]
    names = [entry["name"] for entry in checked]
    if len(set(names)) < len(names):
        raise Refusal(400, "Two variables have the same name.")
    big = sum(entry["length"] for entry in checked if entry["dataType"] == "BIG_STRING")
    size = sum(_BYTES.get(entry["dataType"]) or 2 * entry["length"] for entry in checked)
    if big > _BIG_STRINGS_MAX:
        raise Refusal(400, f"Lengths of BIG_STRING variables exceed {_BIG_STRINGS_MAX} in all.")
    if category == "dynamic" and size > _RECORD_MAX:
        raise Refusal(
            400, f"A record of these variables could have more than {_RECORD_MAX} bytes."
        )
    return checked


def variable(entry: Any, category: str) -> dict[str, Any]:
    """Check one variable definition.

    Raises:
        Refusal: 400.
    """
    if not isinstance(entry, dict):
        raise Refusal(400, "A variable must be an object.")
    name, kind = entry.get("name"), entry.get("dataType")
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name) or name in _FORBIDDEN:
        raise Refusal(400, f"{str(name)[:80]!r} is not a name for a variable.")
    if not isinstance(kind, str) or kind not in READERS:
        raise Refusal(400, f"dataType of {name} must be one of {', '.join(READERS)}.")
    if kind == "BIG_STRING" and category != "dynamic":
        raise Refusal(400, f"{name}: BIG_STRING is for dynamic aspects only.")
    unit = entry.get("unit") or ""
    if not isinstance(unit, str) or len(unit) > 32:
        raise Refusal(400, f"unit of {name} must be text of at most 32 characters.")
    default = entry.get("defaultValue")
    if default is not None and (
        category != "static" or not isinstance(default, str) or len(default) > 255
    ):
        raise Refusal(
            400, f"defaultValue of {name} is for static variables, at most 255 characters."
        )
    flags = {flag: entry.get(flag) or False for flag in ("searchable", "qualityCode")}
    if not all(isinstance(value, bool) for value in flags.values()):
        raise Refusal(400, f"searchable and qualityCode of {name} must be true or false.")
    return {
        "name": name,
        "dataType": kind,
        "unit": unit,
        "searchable": flags["searchable"],
        "length": _length(entry, name, kind),
        "defaultValue": default,
        "qualityCode": flags["qualityCode"],
    }


def _length(entry: dict[str, Any], name: str, kind: str) -> "int | None":
    longest = _LENGTHS.get(kind)
    length = entry.get("length")
    if longest is None:
        return None
    if length is None:
        return longest
    if isinstance(length, bool) or not isinstance(length, int) or not 1 <= length <= longest:
        raise Refusal(400, f"length of {name} must be from 1 to {longest}.")
    return length


def asset(body: dict[str, Any]) -> dict[str, Any]:
    """Check an asset; that type and parent exist is not seen here.

    Raises:
        Refusal: 400.
    """
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 128 or set(name) & set("/\\"):
        raise Refusal(400, "name must have 1 to 128 characters, without '/' and '\\'.")
    for needed in ("typeId", "parentId"):
        if not isinstance(body.get(needed), str):
            raise Refusal(400, f"{needed} is missing or not text.")
    return {
        "name": name,
        "typeId": body["typeId"],
        "parentId": body["parentId"],
        "externalId": _text(body, "externalId", 255),
        "description": _text(body, "description", 255),
        "timezone": _text(body, "timezone", 64) or "Europe/Berlin",
        "twinType": _choice(body, "twinType", ("performance", "simulation"), "performance"),
        "location": location(body.get("location")),
        "variables": _values(_list(body, "variables")),
        "aspects": [_aspect_values(entry) for entry in _list(body, "aspects")],
        "fileAssignments": [],
    }


def location(given: Any) -> "dict[str, Any] | None":
    """Check a location; None stays None.

    Raises:
        Refusal: 400.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Refusal(400, "location must be an object.")
    checked: dict[str, Any] = {name: _text(given, name, 255) for name in _LOCATION_TEXTS}
    for name, most in (("longitude", 180), ("latitude", 90)):
        value = given.get(name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and -most <= value <= most):
            raise Refusal(400, f"{name} must be a number from -{most} to {most}.")
        checked[name] = value
    return checked


def _aspect_values(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise Refusal(400, "An aspect of an asset must be an object with a name.")
    return {"name": entry["name"], "variables": _values(_list(entry, "variables"))}


def _values(entries: list[Any]) -> list[dict[str, Any]]:
    values = []
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise Refusal(400, "A variable of an asset must be an object with a name.")
        value = entry.get("value")
        if value is not None and not isinstance(value, (str, int, float)):
            raise Refusal(400, f"value of {entry['name'][:64]} must be a single value.")
        values.append({"name": entry["name"], "value": value})
    return values


def _same_name(body: dict[str, Any], name: str, form: "re.Pattern[str]") -> str:
    given = body.get("name")
    if not isinstance(given, str) or not form.fullmatch(given):
        raise Refusal(400, "name must be 1 to 128 letters, digits or '_'.")
    if given != name:
        raise Refusal(400, f"name {given} is not that of the id, {name}.")
    return given


def _description(body: dict[str, Any]) -> str:
    text = _text(body, "description", 255)
    if "'" in text:
        raise Refusal(400, "description must not contain a single quote.")
    return text


def _text(holder: dict[str, Any], name: str, longest: int) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > longest:
        raise Refusal(400, f"{name} must be text of at most {longest} characters.")
    return value


def _choice(
    holder: dict[str, Any], name: str, choices: tuple[str, ...], default: "str | None"
) -> str:
    value = holder.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or value not in choices:
        raise Refusal(400, f"{name} must be one of {', '.join(choices)}.")
    return value


def _list(holder: dict[str, Any], name: str) -> list[Any]:
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _LIST_MAX:
        raise Refusal(400, f"{name} must be a list of at most {_LIST_MAX}.")
    return value
