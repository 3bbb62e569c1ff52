# portable
"""Planted secrets are looked for in everything that a person or a log may see."""

import sys

from mcagent.boarding import read_boarding
from mcagent.credentials.answers import redacted
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.errors import AgentError, TransportError
from mcagent.transport.http import Response
from tests.credentials.device import Device
from tests.credentials.platform import REGISTER, ROTATE, TOKEN, Clock, Platform


class Plant:
    """A device and every secret that it ever had."""

    def __init__(self, profile="SHARED_SECRET"):
        self.clock = Clock()
        self.platform = Platform(self.clock, profile=profile)
        self.device = Device(self.platform, self.clock, self.platform.boarding)
        self.seen = []
        self.texts = []

    def collect(self):
        """Remember secrets and texts of this moment."""
        lifecycle = self.device.lifecycle
        record = lifecycle._record
        self.seen += record.secrets() + lifecycle._token.secrets() + self.platform.assertions
        self.seen += [self.platform.iat] + self.platform.tokens
        for name in dir(lifecycle):
            if not name.startswith("_") and name not in ("to_state", "access_token"):
                self.texts.append(show(getattr(lifecycle, name)))
        for part in (record, lifecycle._token, lifecycle._sent, lifecycle):
            self.texts.append(show(part))
        if record.boarding is not None:
            self.texts.append(repr(read_boarding(self.device.boarding)))

    def check(self):
        assert len(self.seen) > 3
        assert len(self.texts) > 20
        for text in self.texts:
            for secret in self.seen:
                assert secret not in text, text
                # nor the longer part of one
                assert secret[: len(secret) // 2 + 1] not in text, text


def show(value):
    text = repr(value) + str(value)
    if isinstance(value, AgentError):
        text += value.message + value.hint + repr(value.args)
    return text


def echo(status):
    """A gateway that sends the whole request back, cut off anywhere."""

    def answer(request):
        text = "your request was %s %s %s" % (
            request.url,
            request.headers.get("Authorization", ""),
            request.body.data.decode(),
        )
        return Response(status, {}, ('{"message":"%s"}' % text.replace('"', "'")).encode())

    return answer


def test_a_whole_life_shows_no_secret():
    """Register, token, rotate, refusals, restart; both profiles."""
    for profile in ("SHARED_SECRET", "RSA_3072"):
        plant = Plant(profile)
        device, platform = plant.device, plant.platform
        plant.collect()
        for wish in ({}, {}, {"rotate": True}, {}, {"renew": True}):
            device.step(**wish)
            plant.collect()
        device.start()
        plant.collect()
        platform.replies = {TOKEN: [Response(400)] * 9, ROTATE: [Response(401)] * 9}
        while device.step():
            plant.collect()
        assert device.lifecycle.state == "lost"
        plant.check()


def test_an_echoing_gateway_gets_nothing_into_our_texts():
    """Some gateways quote the request in their error page."""
    for status in (400, 401, 403, 429, 500):
        for operation in (REGISTER, TOKEN, ROTATE):
            plant = Plant()
            device, platform = plant.device, plant.platform
            if operation != REGISTER:
                device.work()
            wish = {"rotate": True} if operation == ROTATE else {"renew": True}
            lifecycle = device.lifecycle
            plant.collect()
            for _ in range(3):
                request = lifecycle.next_request(plant.clock.now_ms, **wish)
                if request is None:
                    break
                if platform._operation(request) == operation:
                    response = echo(status)(request)
                    plant.seen += request.body.data.decode().split("client_assertion=")[1:]
                else:
                    response = platform.send(request)
                lifecycle.receive(request, response, plant.clock.now_ms)
                plant.collect()
                wish = {}
            plant.check()


def test_words_are_redacted_wherever_a_secret_is_cut_off():
    secret = "abcdefghijklmnopqrstuvwxyz"
    for end in range(6, len(secret) + 1):
        text = redacted("you sent " + secret[:end], [secret])
        assert text == "you sent ***", text
    assert redacted("id 0f5b7c1d-2e3a-44b5-9c6d-7e8f90a1b2c3 failed", [secret]) == (
        "id 0f5b7c1d-2e3a-44b5-9c6d-7e8f90a1b2c3 failed"
    )
    assert redacted("token " + "x" * 65, []) == "token ***"


def test_tracebacks_of_refusals_show_no_secret():
    """Errors raised by the reading of boarding files and by wrong use."""
    plant = Plant()
    lifecycle = plant.device.lifecycle
    request = lifecycle.next_request(plant.clock.now_ms)
    iat = plant.platform.iat
    for function in (
        lambda: lifecycle.receive(None, None, 0),
        lambda: read_boarding('{"content": {"iat": "' + iat + '"'),
        lambda: read_boarding({"content": {"iat": iat, "baseUrl": "x"}}),
        lambda: read_boarding({"content": {"iat": iat + "\n" + iat, "baseUrl": "https://x"}}),
        lambda: Lifecycle({"state": "nowhere", "current": {"secret": iat}}, None).next_request(0),
    ):
        try:
            function()
        except Exception as error:
            text = traceback_of(error)
            assert iat not in text, text
        else:
            raise AssertionError(function)
    lifecycle.receive(request, TransportError("gone", kind="closed"), plant.clock.now_ms)


def traceback_of(error):
    if hasattr(sys, "print_exception"):
        import io

        stream = io.StringIO()
        sys.print_exception(error, stream)
        return stream.getvalue()
    import traceback

    return "".join(traceback.format_exception(error))
