"""A platform of a few lines for scripts on the device: a transport that always says yes."""

import json

from mcagent.transport.http import Response, Transport

CLIENT_ID = "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
BASE_URL = "https://southgate.example"
BOARDING = {
    "content": {
        "baseUrl": BASE_URL,
        "iat": "header.payload.signature",
        "clientCredentialProfile": ["SHARED_SECRET"],
        "clientId": CLIENT_ID,
        "tenant": "acmedev",
    },
    "expiration": "2099-01-01T00:00:00.000Z",
}


class Platform(Transport):
    """Reads every body chunk by chunk, as a socket would, and answers as the platform does.

    Args:
        points: Ids of the data points that have a mapping.
        watch: Called at every chunk and every request, to look at the heap.
    """

    def __init__(self, points, watch=lambda: None):
        self._points = points
        self._watch = watch
        self._configuration = {"id": "1", "eTag": "0", "configurationId": None, "dataSources": []}
        self.exchanges = 0
        self.exchange_bytes = 0

    def send(self, request):
        self._watch()
        length = 0
        if request.body is not None:
            for chunk in request.body.chunks():
                length += len(chunk)
                self._watch()
            if length != request.body.length:
                raise ValueError("%d bytes of %d" % (length, request.body.length))
        path = request.url[len(BASE_URL) :].split("?")[0]
        if path.endswith("/register"):
            return _answer(201, _REGISTRATION)
        if path.endswith("/oauth/token"):
            return _answer(200, _TOKEN)
        if path.endswith("/dataSourceConfiguration"):
            return _answer(200, self._configuration)
        if path.endswith("/dataPointMappings"):
            return _answer(200, _page([_mapping(point) for point in self._points]))
        if path.endswith("/exchange"):
            self.exchanges += 1
            self.exchange_bytes += length
            return Response(200, {}, b"")
        return _answer(404, {"id": "", "message": path})

    def configure(self, fragment):
        """Take the data model that was sent, so that a GET confirms it."""
        self._configuration = json.loads(fragment.decode())
        self._configuration["eTag"] = "1"


def _answer(status, value):
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


def _page(content):
    return {
        "content": content,
        "totalPages": 1,
        "totalElements": len(content),
        "last": True,
        "first": True,
        "numberOfElements": len(content),
        "size": 2000,
        "number": 0,
    }


def _mapping(point):
    return {
        "id": point,
        "agentId": CLIENT_ID,
        "dataPointId": point,
        "entityId": "9a41",
        "propertySetName": "press",
        "propertyName": point,
        "keepMapping": True,
        "validity": {"status": "VALID", "reasons": []},
    }


_REGISTRATION = {
    "client_id": CLIENT_ID,
    "client_secret": "k3Wq0123456789abcdefghijklmnopqrstuvwxyz",
    "client_secret_expires_at": 4_000_000_000,
    "registration_access_token": "r" * 1200,
    "registration_client_uri": BASE_URL + "/api/agentmanagement/v3/register/" + CLIENT_ID,
    "token_endpoint_auth_method": "client_secret_jwt",
    "grant_types": ["SHARED_SECRET"],
}
_TOKEN = {
    "access_token": "t" * 1600,  # as long as the real one
    "token_type": "bearer",
    "expires_in": 3600,
    "jti": "5d0c0f37-6f6a-4f6e-9b2c-1c5d4fb0a001",
    "scope": ["mdsp:core:DefaultAgent"],
}
