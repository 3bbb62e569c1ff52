"""Which scope each operation of the platform asks for: one table, which the routes run.

A route is made with `api.common.operation`, which looks its scope up here: an operation without a
line cannot be built. docs/emulator.md prints the same table. Sources: agent API 2.4, 7 to 9 for
the device side, services API 1 to 5 for the application side; None is an operation for which no
scope exists (it asks for other credentials, or for none).
"""

from collections.abc import Iterable

AGENT_SCOPE = "mdsp:core:DefaultAgent"

_AGENTS = "/api/agentmanagement/v3"
_CONNECT = "/api/mindconnect/v3"
_AGGREGATES = "/api/iottsaggregates/v4"
_TIMESERIES = "/api/iottimeseries/v3"
_ASSETS = "/api/assetmanagement/v3"
_FILES = "/api/iotfile/v3"
_EVENTS = "/api/eventmanagement/v3"
_BULK = "/api/iottsbulk/v3"
_TOKENS = "/api/technicaltokenmanager/v3"

OPERATIONS: dict[str, "str | None"] = {
    f"POST {_AGENTS}/register": None,  # initial access token
    f"PUT {_AGENTS}/register/{{agent}}": None,  # registration access token
    f"POST {_AGENTS}/oauth/token": None,  # client assertion
    f"GET {_AGENTS}/oauth/token_key": None,
    f"GET {_AGENTS}/oauth/token_keys": None,
    "POST /oauth/token": None,  # client id and secret
    "GET /token_keys": None,
    f"POST {_TOKENS}/oauth/token": None,  # client id and secret
    f"GET {_TOKENS}/token_keys": None,
    f"POST {_AGENTS}/agents": "agm.c",
    f"GET {_AGENTS}/agents": "agm.r",
    f"GET {_AGENTS}/agents/{{agent}}": "agm.r",
    f"PUT {_AGENTS}/agents/{{agent}}": "agm.u",
    f"DELETE {_AGENTS}/agents/{{agent}}": "agm.d",
    f"GET {_AGENTS}/agents/{{agent}}/status": "agm.r",
    f"GET {_AGENTS}/agents/{{agent}}/boarding/configuration": "obc.sec",
    f"GET {_AGENTS}/agents/{{agent}}/boarding/status": "obc.r",
    f"POST {_AGENTS}/agents/{{agent}}/boarding/offboard": "obc.sec",
    f"GET {_AGENTS}/agents/{{agent}}/dataSourceConfiguration": "dsc.r",
    f"PUT {_AGENTS}/agents/{{agent}}/dataSourceConfiguration": "dsc.u",
    f"POST {_CONNECT}/exchange": "exc.w",
    f"POST {_CONNECT}/dataPointMappings": "map.c",
    f"GET {_CONNECT}/dataPointMappings": "map.r",
    f"GET {_CONNECT}/dataPointMappings/{{mapping}}": "map.r",
    f"DELETE {_CONNECT}/dataPointMappings/{{mapping}}": "map.d",
    f"POST {_CONNECT}/eventMappings": "evt.map.c",
    f"GET {_CONNECT}/eventMappings": "evt.map.r",
    f"GET {_CONNECT}/eventMappings/{{mapping}}": "evt.map.r",
    f"PATCH {_CONNECT}/eventMappings/{{mapping}}": "evt.map.u",
    f"DELETE {_CONNECT}/eventMappings/{{mapping}}": "evt.map.d",
    f"POST {_CONNECT}/diagnosticActivations": "da.c",
    f"GET {_CONNECT}/diagnosticActivations": "da.r",
    f"GET {_CONNECT}/diagnosticActivations/{{activation}}": "da.r",
    f"PUT {_CONNECT}/diagnosticActivations/{{activation}}": "da.u",
    f"DELETE {_CONNECT}/diagnosticActivations/{{activation}}": "da.d",
    f"GET {_CONNECT}/diagnosticActivations/{{activation}}/messages": "da.m.r",
    f"GET {_CONNECT}/diagnosticInformation": "di.r",
    f"GET {_CONNECT}/recoverableRecords": "rec.r",
    f"DELETE {_CONNECT}/recoverableRecords/{{record}}": "rec.d",
    f"POST {_CONNECT}/recoverableRecords/{{record}}/replay": "rec.c",
    f"GET {_CONNECT}/recoverableRecords/{{record}}/downloadLink": "rec.r",
    f"GET {_TIMESERIES}/timeseries/{{entity}}/{{aspect}}": "iot.tim.r",
    f"PUT {_TIMESERIES}/timeseries/{{entity}}/{{aspect}}": "iot.tim.w",
    f"DELETE {_TIMESERIES}/timeseries/{{entity}}/{{aspect}}": "iot.tim.d",
    f"PUT {_TIMESERIES}/timeseries": "iot.tim.w",
    f"GET {_AGGREGATES}/aggregates": "iot.tsa.r",
    "GET /download/recoverableRecords/{record}": None,  # a ticket in the link
    f"GET {_ASSETS}": "asm.r",
    f"GET {_ASSETS}/": "asm.r",
    f"GET {_ASSETS}/aspecttypes": "atm.apt.r",
    f"GET {_ASSETS}/aspecttypes/{{type}}": "atm.apt.r",
    f"PUT {_ASSETS}/aspecttypes/{{type}}": "atm.apt.w",
    f"PATCH {_ASSETS}/aspecttypes/{{type}}": "atm.apt.w",
    f"DELETE {_ASSETS}/aspecttypes/{{type}}": "atm.apt.d",
    f"PATCH {_ASSETS}/aspecttypes/{{type}}/variables": "atm.apt.w",
    f"GET {_ASSETS}/assettypes": "atm.r",
    f"GET {_ASSETS}/assettypes/{{type}}": "atm.r",
    f"PUT {_ASSETS}/assettypes/{{type}}": "atm.w",
    f"PATCH {_ASSETS}/assettypes/{{type}}": "atm.w",
    f"DELETE {_ASSETS}/assettypes/{{type}}": "atm.d",
    f"PATCH {_ASSETS}/assettypes/{{type}}/variables": "atm.w",
    f"GET {_ASSETS}/assets": "asm.r",
    f"POST {_ASSETS}/assets": "asm.c",
    f"GET {_ASSETS}/assets/root": "asm.r",
    f"GET {_ASSETS}/assets/{{asset}}": "asm.r",
    f"PUT {_ASSETS}/assets/{{asset}}": "asm.u",
    f"PATCH {_ASSETS}/assets/{{asset}}": "asm.u",
    f"DELETE {_ASSETS}/assets/{{asset}}": "asm.d",
    f"POST {_ASSETS}/assets/{{asset}}/move": "asm.m",
    f"GET {_ASSETS}/assets/{{asset}}/aspects": "asm.r",
    f"GET {_ASSETS}/assets/{{asset}}/variables": "asm.r",
    f"PUT {_ASSETS}/assets/{{asset}}/location": "asm.loc.w",
    f"DELETE {_ASSETS}/assets/{{asset}}/location": "asm.loc.d",
    f"GET {_ASSETS}/model/lock": "aml.r",
    f"PUT {_ASSETS}/model/lock": "aml.w",
    f"GET {_FILES}/files/{{entity}}": "iot.fil.r",
    f"PUT {_FILES}/files/{{entity}}/{{filepath:path}}": "iot.fil.w",
    f"GET {_FILES}/files/{{entity}}/{{filepath:path}}": "iot.fil.r",
    f"DELETE {_FILES}/files/{{entity}}/{{filepath:path}}": "iot.fil.d",
    f"GET {_FILES}/fileslist/{{entity}}/{{filepath:path}}": "iot.fil.r",
    f"GET {_FILES}/filelist/{{entity}}/{{filepath:path}}": "iot.fil.r",
    f"GET {_EVENTS}": "em.r",
    f"GET {_EVENTS}/": "em.r",
    f"POST {_EVENTS}/events": "em.c",
    f"GET {_EVENTS}/events": "em.r",
    f"GET {_EVENTS}/events/{{event}}": "em.r",
    f"PUT {_EVENTS}/events/{{event}}": "em.u",
    f"POST {_EVENTS}/createEventsJobs": "em.cej.c",
    f"GET {_EVENTS}/createEventsJobs/{{job}}": "em.cej.r",
    f"POST {_EVENTS}/deleteEventsJobs": "em.dej.c",
    f"GET {_EVENTS}/deleteEventsJobs/{{job}}": "em.dej.r",
    f"POST {_EVENTS}/eventTypes": "em.et.c",
    f"GET {_EVENTS}/eventTypes": "em.et.r",
    f"GET {_EVENTS}/eventTypes/{{type}}": "em.et.r",
    f"PATCH {_EVENTS}/eventTypes/{{type}}": "em.et.u",
    f"PUT {_EVENTS}/eventTypes/{{type}}": "em.et.u",
    f"DELETE {_EVENTS}/eventTypes/{{type}}": "em.et.d",
    f"POST {_BULK}/importJobs": "iot.bi.w",
    f"GET {_BULK}/importJobs/{{job}}": "iot.bi.r",
    f"GET {_BULK}/timeseries/{{entity}}/{{aspect}}": "iot.bts.r",
}

# What an agent's token may do, for itself only (services API 6.5). Asset management is read-only;
# time series are a switch, because nobody wrote down whether an agent may read them.
AGENT_RIGHTS = frozenset(
    (
        *("agm.r", "obc.r", "dsc.r", "dsc.u", "exc.w", "map.c", "map.r", "map.d"),
        # "By using event mapping APIs from the agent": so its own token opens them.
        *("evt.map.c", "evt.map.r", "evt.map.u", "evt.map.d"),
        *("da.c", "da.r", "da.u", "da.d", "da.m.r", "di.r", "rec.r", "rec.c", "rec.d"),
        *("asm.r", "atm.r", "atm.apt.r"),
        *("iot.fil.r", "iot.fil.w", "iot.fil.d", "em.c", "em.r", "em.et.r"),
    )
)
AGENT_TIMESERIES = frozenset(("iot.tim.r", "iot.tim.w"))

_DEVICES = ("agm.c", "agm.r", "agm.u", "agm.d", "obc.sec", "obc.r", "dsc.r", "dsc.u")
_MAPPINGS = ("map.c", "map.r", "map.d", "evt.map.c", "evt.map.r", "evt.map.u", "evt.map.d")
_DIAGNOSIS = ("da.c", "da.r", "da.u", "da.d", "da.m.r", "di.r", "rec.r", "rec.c", "rec.d")
_ASSETS_READ = ("asm.r", "atm.r", "atm.apt.r")
_ASSETS_WRITE = (
    *("asm.c", "asm.u", "asm.d", "asm.m", "asm.loc.w", "asm.loc.d"),
    *("atm.w", "atm.d", "atm.apt.w", "atm.apt.d"),
    *("aml.r", "aml.w"),
)
_EVENTS_WRITE = ("em.c", "em.u", "em.et.c", "em.et.u", "em.et.d")
_EVENT_JOBS = ("em.d", "em.dej.c", "em.dej.r", "em.cej.c", "em.cej.r")

# What the roles of services API 6.4 expand to.
ROLES: dict[str, tuple[str, ...]] = {
    "mdsp:core:iot.timUser": ("iot.tim.r",),
    "mdsp:core:iot.timAdmin": ("iot.tim.r", "iot.tim.w", "iot.tim.d"),
    "mdsp:core:iot.tsaUser": ("iot.tsa.r",),
    "mdsp:core:iot.filUser": ("iot.fil.r",),
    "mdsp:core:iot.filAdmin": ("iot.fil.r", "iot.fil.w", "iot.fil.d"),
    "mdsp:core:iot.bulkAdmin": ("iot.bi.w", "iot.bi.r", "iot.bts.r"),
    "mdsp:core:em.eventviewer": ("em.r", "em.et.r"),
    "mdsp:core:em.eventcreator": ("em.c", "em.r", "em.et.r"),
    "mdsp:core:em.eventmanager": ("em.r", "em.et.r", *_EVENTS_WRITE, *_EVENT_JOBS),
    "mdsp:core:assetmanagement.standarduser": _ASSETS_READ,
    "mdsp:core:assetmanagement.admin": (*_ASSETS_READ, *_ASSETS_WRITE),
    "mdsp:core:agentmanagement.fullaccess": _DEVICES,
    "mdsp:core:mindconnect.fullaccess": (*_MAPPINGS, *_DIAGNOSIS),
    "mdsp:core:mindconnect.readonly": ("map.r", "evt.map.r", "da.r", "da.m.r", "di.r", "rec.r"),
}

# Everything: what a token of the control interface carries unless it is told otherwise.
ALL_SCOPES = tuple(sorted({scope for scopes in ROLES.values() for scope in scopes}))


def rights_of(scopes: Iterable[object]) -> frozenset[str]:
    """Give the short names of *scopes*, roles expanded; what is no text gives nothing."""
    rights: set[str] = set()
    for scope in scopes:
        if isinstance(scope, str):
            rights.update(ROLES.get(scope, (scope.rpartition(":")[2],)))
    return frozenset(rights)
