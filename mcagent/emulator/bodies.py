"""Error bodies of the platform's services: each family of services API 7.1 and agent API 11.1.

The family follows from the path, so that a refusal is raised alike everywhere.
"""

import http
from collections.abc import Callable
from typing import Any, NamedTuple

from .times import format_time

JSON = "application/json"
VND_ERROR = "application/vnd.error+json"

# Endings of the shared error catalogue (services API 7.1).
_GENERIC = {
    400: "invalidParameter",
    401: "unauthorized",
    403: "forbidden",
    404: "noMatch",
    409: "conflict",
    412: "conflict",
    413: "payloadTooLarge",
    415: "unsupportedMediaType",
    429: "tooManyRequests",
    500: "internalServerError",
}


class Fault(NamedTuple):
    """What went wrong, for a body: where, when, and in which words.

    `gateway` means that the gateway says it; `older` that the time series service speaks as its
    older generation did (services API 10 no. 5).
    """

    status: int
    message: str
    logref: str
    path: str
    now_ms: int
    error_id: "str | None" = None
    iam_error: str = ""
    gateway: bool = False
    older: bool = False


def _plain(fault: Fault) -> Any:
    error_id = fault.logref if fault.error_id is None else fault.error_id
    return {"id": error_id, "message": fault.message}


def _asset(fault: Fault) -> Any:
    code = f"mdsp.core.generic.{_GENERIC.get(fault.status, 'internalServerError')}"
    error = {"code": code, "errorcode": code, "logref": fault.logref, "message": fault.message}
    return {"errors": [error]}


def _event(fault: Fault) -> Any:
    return [{"logref": fault.logref, "message": fault.message}]


def _timeseries(fault: Fault) -> Any:
    if fault.older:
        return _plain(fault)
    phrase = http.HTTPStatus(fault.status).phrase
    return {
        "timestamp": format_time(fault.now_ms).replace("Z", "+00:00"),
        "status": fault.status,
        "error": "Not found" if fault.status == 404 else phrase,  # as it was observed
        "message": fault.message,
        "path": fault.path.removeprefix("/api/iottimeseries"),
    }


def _bulk(fault: Fault) -> Any:
    return {
        "timestamp": format_time(fault.now_ms),
        "status": fault.status,
        "error": http.HTTPStatus(fault.status).phrase,
        "exception": "com.siemens.mindsphere.iottsbulk.BulkException",
        "message": fault.message,
        "path": fault.path,
    }


def _token(fault: Fault) -> Any:
    return {
        "error": fault.iam_error or ("invalid_request" if fault.status == 400 else "error"),
        "error_description": fault.message,
    }


def _aggregates(fault: Fault) -> Any:
    ending = fault.error_id or _GENERIC.get(fault.status, "internalServerError")
    code = f"mdsp.core.generic.{ending}"
    return {"errors": [{"code": code, "message": fault.message, "logref": fault.logref}]}


def _event_mapping(fault: Fault) -> Any:
    # The suffixes are not listed (agent API 9): those of the shared catalogue.
    code = f"mdsp.conn.mindconnect.{_GENERIC.get(fault.status, 'internalServerError')}"
    return {"errors": [{"code": code, "logref": fault.logref, "message": fault.message}]}


_FAMILIES: tuple[tuple[str, Callable[[Fault], Any], str], ...] = (
    ("/api/mindconnect/v3/eventMappings", _event_mapping, JSON),
    ("/api/assetmanagement/", _asset, VND_ERROR),
    ("/api/eventmanagement/", _event, VND_ERROR),
    ("/api/iottimeseries/", _timeseries, JSON),
    ("/api/iottsaggregates/", _aggregates, JSON),
    ("/api/iottsbulk/", _bulk, JSON),
    ("/oauth/token", _token, JSON),
    ("/api/technicaltokenmanager/", _token, JSON),
)


def body_of(fault: Fault) -> tuple[Any, str]:
    """Give the body of *fault* in its service's family, and the content type."""
    if fault.iam_error and not fault.path.startswith(("/oauth/", "/api/technicaltokenmanager/")):
        # A real answer brackets the correlation id in front of its text (agent API 11.1).
        words = f"[{fault.logref}] {fault.message}".rstrip()
        return {"error": fault.iam_error, "error_description": words}, JSON
    if fault.gateway:
        return {"message": fault.message}, JSON
    for prefix, make, media_type in _FAMILIES:
        if fault.path.startswith(prefix):
            return make(fault), media_type
    return _plain(fault), JSON
