"""Aspect types, asset types and event types of a commissioning file (services API 4.4 and 5)."""

from typing import Any

from ..messages.values import DATA_TYPES, TEXT_TYPES, max_units
from .assets_values import DYNAMIC, STATIC, AspectType, AssetType, Variable
from .commissioning_reading import (
    EVENT_TYPE_ID,
    NAME_IN_TYPE,
    TYPE_ID,
    VARIABLE_NAME,
    Fault,
    choice,
    entries,
    flag,
    obj,
    text,
    unique,
    whole,
)
from .events_values import BASE_TYPE, FIELD_TYPES, TTL_DAYS, EventField, EventType

# Words that a variable cannot have as its name (services API 5.2).
_FORBIDDEN = frozenset(
    (
        *("id", "name", "description", "tenant", "etag", "scope", "properties", "propertySets"),
        *("extends", "variables", "aspects", "parentTypeId"),
    )
)
_VARIABLE = (*("name", "dataType", "unit", "length", "searchable", "qualityCode", "defaultValue"),)
_ASPECT_TYPE = ("name", "category", "scope", "description", "variables")
_ASSET_TYPE = (
    *("name", "parentTypeId", "description", "instantiable", "scope", "aspects", "variables"),
)
_EVENT_TYPE = ("name", "id", "parentId", "ttl", "scope", "fields")
_FIELD = ("name", "type", "filterable", "required", "updatable", "values")
_SCOPES = ("private", "public")
_TTL_DAYS_MAX = 3650


def with_tenant(name: str, tenant: str) -> str:
    """A type's id: the tenant is put before a name that has none."""
    return name if "." in name else f"{tenant}.{name}"


def read_aspect_type(entry: "dict[str, Any]", tenant: str) -> AspectType:
    obj(entry, "an aspect type", _ASPECT_TYPE)
    category = choice(entry, "category", (DYNAMIC, STATIC), default=DYNAMIC)
    variables = _variables(entry, category)
    if not variables:
        raise Fault("it has no variables")
    return AspectType(
        _type_id(text(entry, "name", 128), tenant),
        variables,
        category=category,
        description=_description(entry),
        scope=choice(entry, "scope", _SCOPES, default="private"),
    )


def read_asset_type(entry: "dict[str, Any]", tenant: str) -> AssetType:
    obj(entry, "an asset type", _ASSET_TYPE)
    aspects = []
    for given in entries(entry, "aspects"):
        one = obj(given, "an aspect", ("name", "aspectTypeId"))
        name = text(one, "name", 64, pattern=NAME_IN_TYPE)
        aspects.append((name, with_tenant(text(one, "aspectTypeId", 128), tenant)))
    unique([name for name, _ in aspects], "aspect")
    parent = text(entry, "parentTypeId", 128, default="core.basicasset")
    return AssetType(
        _type_id(text(entry, "name", 128), tenant),
        parent_type_id=with_tenant(parent, tenant),
        aspects=tuple(aspects),
        variables=_variables(entry, STATIC),
        description=_description(entry),
        instantiable=flag(entry, "instantiable", default=True),
        scope=choice(entry, "scope", _SCOPES, default="private"),
    )


def read_event_type(entry: "dict[str, Any]", tenant: str) -> EventType:
    obj(entry, "an event type", _EVENT_TYPE)
    name = text(entry, "name", 128)
    type_id = text(entry, "id", 128, default=name, pattern=EVENT_TYPE_ID)
    parent = text(entry, "parentId", 128, default=BASE_TYPE)
    fields = tuple(_field(given) for given in entries(entry, "fields"))
    unique([field.name for field in fields], "field")
    ttl = whole(entry, "ttl", 1, _TTL_DAYS_MAX, default=TTL_DAYS)
    return EventType(
        with_tenant(type_id, tenant),
        fields,
        name=name,
        parent_id=with_tenant(parent, tenant),
        ttl=TTL_DAYS if ttl is None else ttl,
        scope=choice(entry, "scope", ("LOCAL", "GLOBAL"), default="LOCAL"),
    )


def _type_id(name: str, tenant: str) -> str:
    type_id = with_tenant(name, tenant)
    if not TYPE_ID.fullmatch(type_id):
        raise Fault(f"{type_id!r} is not tenant.Name of letters, digits and '_'")
    return type_id


def _description(entry: "dict[str, Any]") -> str:
    words = text(entry, "description", 255, default="")
    if "'" in words:
        raise Fault("description has a single quote, which the platform refuses")
    return words


def _variables(entry: "dict[str, Any]", category: str) -> "tuple[Variable, ...]":
    variables = tuple(_variable(given, category) for given in entries(entry, "variables"))
    unique([variable.name for variable in variables], "variable")
    return variables


def _variable(given: "Any", category: str) -> Variable:
    one = obj(given, "a variable", _VARIABLE)
    name = text(one, "name", 64, pattern=VARIABLE_NAME)
    if name in _FORBIDDEN:
        raise Fault(f"a variable cannot be called {name}; the platform keeps this word")
    try:
        return _shape(one, name, category)
    except Fault as fault:
        raise Fault(f"variable {name}: {fault}") from None


def _shape(one: "dict[str, Any]", name: str, category: str) -> Variable:
    kind = choice(one, "dataType", DATA_TYPES)
    if kind == "BIG_STRING" and category == STATIC:
        raise Fault("BIG_STRING is for dynamic aspects")
    length = None
    if kind in TEXT_TYPES:
        length = whole(one, "length", 1, max_units(kind, None)[0])
    elif one.get("length") is not None:
        raise Fault(f"a {kind} has no length")
    default = text(one, "defaultValue", 255, default="")
    if default and category == DYNAMIC:
        raise Fault("defaultValue is for static variables")
    return Variable(
        name,
        kind,
        unit=text(one, "unit", 32, default=""),
        length=length,
        searchable=flag(one, "searchable", default=False),
        quality_code=flag(one, "qualityCode", default=False),
        default_value=default or None,
    )


def _field(given: "Any") -> EventField:
    one = obj(given, "a field", _FIELD)
    name = text(one, "name", 64)
    kind = choice(one, "type", FIELD_TYPES)
    values = entries(one, "values")
    if not all(isinstance(value, str) for value in values) or (kind == "ENUM") != bool(values):
        raise Fault(f"field {name}: values are texts of an ENUM, and an ENUM needs them")
    return EventField(
        name,
        kind,
        filterable=flag(one, "filterable", default=False),
        required=flag(one, "required", default=False),
        updatable=flag(one, "updatable", default=True),
        values=tuple(values),
    )
