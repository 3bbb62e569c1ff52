"""Types that every tenant has (services API 5.3); their variables are a guess.

Clients rely on two things: a child of `core.basicdevice` inherits two variables, and the root
asset has aspects and variables.
"""

from typing import Any

CORE = "core"
ROOT_TYPE = "core.basicenterprise"
AGENT_TYPE = "core.mclib"
DEVICE_TYPE = "core.basicdevice"


def _variable(name: str, length: int = 255) -> dict[str, Any]:
    return {
        "name": name,
        "dataType": "STRING",
        "unit": "",
        "searchable": True,
        "length": length,
        "defaultValue": None,
        "qualityCode": False,
    }


ASPECT_TYPES: dict[str, dict[str, Any]] = {
    "core.contact": {
        "name": "contact",
        "category": "static",
        "scope": "public",
        "description": "Who answers for the site",
        "variables": [_variable("person"), _variable("phone", 64), _variable("mail")],
    },
    "core.connectivity": {
        "name": "connectivity",
        "category": "static",
        "scope": "public",
        "description": "How the device is connected",
        "variables": [_variable("network", 64)],
    },
}


def _type(
    name: str,
    parent: "str | None" = "core.basicasset",
    *,
    instantiable: bool = True,
    aspects: tuple[tuple[str, str], ...] = (),
    variables: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "parentTypeId": parent,
        "instantiable": instantiable,
        "scope": "public",
        "aspects": [{"name": aspect, "aspectTypeId": kind} for aspect, kind in aspects],
        "variables": [_variable(variable) for variable in variables],
        "fileAssignments": [],
    }


ASSET_TYPES: dict[str, dict[str, Any]] = {
    "core.basicasset": _type("basicasset", None),
    "core.basicdevice": _type("basicdevice", variables=("manufacturer", "model")),
    "core.basicarea": _type("basicarea"),
    "core.basicsite": _type("basicsite"),
    "core.basicenterprise": _type(
        "basicenterprise",
        instantiable=False,
        aspects=(("contact", "core.contact"),),
        variables=("industry",),
    ),
    "core.basicagent": _type("basicagent", aspects=(("connectivity", "core.connectivity"),)),
    "core.mclib": _type("mclib", "core.basicagent"),
    "core.mcnano": _type("mcnano", "core.basicagent"),
    "core.mciot2040": _type("mciot2040", "core.basicagent"),
}
