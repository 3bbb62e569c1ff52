"""What a test of a client needs: a hub, credentials of both kinds, and sessions that end with it."""

from mcagent.services.credentials import ApplicationCredentials, ServiceCredentials
from mcagent.services.session import Session
from mcagent.transport.cpython import Urllib3Transport
from mcagent.transport.http import Request, Response, Transport

SECRET_WORDS = ("clientSecret",)


class SteadyClock:
    """Clocks that move only when somebody sleeps."""

    def __init__(self, now_ms=1_790_000_000_000):
        self.wall_ms = now_ms
        self.steady_ms = 1000
        self.slept = []

    def now_ms(self):
        return self.wall_ms

    def monotonic_ms(self):
        return self.steady_ms

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_ms(int(seconds * 1000))

    def pass_ms(self, ms):
        self.wall_ms += ms
        self.steady_ms += ms


class Counting(Transport):
    """Hands requests on and remembers them."""

    def __init__(self, inner):
        self.inner = inner
        self.requests = []

    def send(self, request):
        self.requests.append(request)
        return self.inner.send(request)

    def close(self):
        self.inner.close()

    @property
    def calls(self):
        """``METHOD path?query`` of every request but those for tokens."""
        return [
            f"{request.method} /{request.url.split('/', 3)[3]}"
            for request in self.requests
            if "/oauth/" not in request.url
        ]


class Platform:
    """A hub with a plant on it."""

    def __init__(self, hub):
        self.hub = hub
        self._control = Urllib3Transport(ca_file=hub.ca_file, proxy="")
        self._sessions = []

    def control(self, method, path, document):
        import json

        answer = self._control.send(
            Request(
                method,
                f"{self.hub.url}/_emulator/{path}",
                {"Content-Type": "application/json"},
                json.dumps(document).encode(),
            )
        )
        assert answer.status in (200, 201, 204), (answer.status, answer.body)
        return answer.json() if answer.body else None

    def application(self, scopes=None, version="v1.0.0", **more):
        """What the hub hands out once, as a credentials file has it."""
        wanted = {"name": "edgetest", "version": version, **more}
        if scopes is not None:
            wanted["scopes"] = list(scopes)
        return self.control("POST", "applications", wanted)

    def credentials(self, scopes=None, kind="application"):
        version = "v1.0.0" if kind == "application" else ""
        given = self.application(scopes, version)
        if kind == "application":
            return ApplicationCredentials(
                given["clientId"],
                given["clientSecret"],
                app_name=given["appName"],
                app_version=given["appVersion"],
                host_tenant=given["tenant"],
            )
        return ServiceCredentials(given["clientId"], given["clientSecret"], tenant=given["tenant"])

    def session(self, scopes=None, *, credentials=None, kind="application", **options):
        """A session over TLS; its `transport` counts."""
        transport = Counting(Urllib3Transport(ca_file=self.hub.ca_file, proxy=""))
        options.setdefault("sleep", lambda _seconds: None)
        session = Session(
            self.hub.url,
            credentials or self.credentials(scopes, kind),
            transport=transport,
            **options,
        )
        session.transport = transport
        self._sessions.append(session)
        return session

    def close(self):
        for session in self._sessions:
            session.close()
        self._control.close()


def fake_session(transport, clock=None, **options):
    """A session on a transcript; its first answer is a token."""
    clock = clock or SteadyClock()
    answers = getattr(transport, "answers", None)
    if answers is not None:
        answers.insert(0, token_answer())
    return Session(
        "https://gateway.eu1.mindsphere.io",
        ServiceCredentials("demo-1", "a-long-secret-of-mine", tenant="demo"),
        transport=transport,
        clock=clock,
        sleep=clock.sleep,
        random=lambda: 0.5,
        **options,
    )


def token_answer(token="eyToken.1", life_s=1799, scope="iot.tim.r iot.tim.w"):
    import json

    body = {"access_token": token, "token_type": "bearer", "expires_in": life_s, "scope": scope}
    return Response(200, {}, json.dumps(body).encode())
