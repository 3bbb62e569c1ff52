"""Makes the request of a step, with the key that it needs and what is written ahead of it."""

from . import requests, table
from .assertion import SharedSecretSigner, client_assertion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..transport.http import Request
    from .assertion import Signer
    from .record import Record


class Composer:
    """Turns steps into requests.

    Args:
        record: Whose credentials; changed as the write-ahead demands.
        new_key: Makes an RSA private key as PEM text; None takes ours.
        signer_for: ``(profile, secret or PEM text)`` to what signs with it; None takes ours.
    """

    def __init__(
        self,
        record: "Record",
        *,
        new_key: "Callable[[], str] | None",
        signer_for: "Callable[[str, str], Signer] | None",
    ) -> None:
        self._record = record
        self._new_key = new_key or _new_rsa_key
        self._signer_for = signer_for or _signer_for

    def build(self, step: "tuple[str, str]", platform_ms: int) -> "Request":
        """The request of *step*; for a registration or rotation, what is written ahead of it."""
        record = self._record
        if step == table.REGISTER:
            assert record.boarding is not None
            jwks = self._jwks(record.boarding["profile"])
            record.begin_attempt(platform_ms)
            record.event(table.SEND_REGISTER)
            return requests.register(record.base_url, record.boarding["iat"], jwks)
        answer = record.slot(step)
        if step[0] == "rotate":
            jwks = self._jwks(record.profile)
            record.event(table.SEND_ROTATE)
            return requests.rotate(
                answer["uri"], answer["rat"], client_id=record.client_id, jwks=jwks
            )
        signer = self._signer_for(record.profile, answer["secret"])
        assertion = client_assertion(record.client_id, record.tenant, platform_ms // 1000, signer)
        return requests.token(record.base_url, assertion)

    def _jwks(self, profile: str) -> str:
        if profile == "SHARED_SECRET":
            return ""
        # Made once for requests that did not arrive. A repeated registration names the same key,
        # because the answer that got lost was for this one; a repeated rotation does not
        # (`Record.forget_key_under_way`).
        if not self._record.pending_key:
            self._record.pending_key = self._new_key()
            self._record.unsaved = True
        return self._signer_for(profile, self._record.pending_key).jwks()


def _signer_for(profile: str, secret: str) -> "Signer":
    if profile == "SHARED_SECRET":
        return SharedSecretSigner(secret)
    from .rsa import RsaSigner

    return RsaSigner(secret)


def _new_rsa_key() -> str:
    from .rsa import generate_key

    return generate_key()
