"""The JWT with which a device asks for an access token, and HS256 by the standard library's HMAC.

Literal text instead of a JSON encoder: dicts have no order on MicroPython, and PyJWT would load
cryptography (34 ms and 10 MB) for a signature that needs neither.
"""

from ..limits import ASSERTION_LIFE_S
from ..runtime import base64url, hmac_sha256, json_string, random_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Signer(Protocol):
        """What signs a client assertion."""

        algorithm: str

        def sign(self, data: bytes) -> bytes:
            """The signature of *data*."""

        def jwks(self) -> str:
            """The public key as the JSON text of a key set; ``""`` for a shared secret."""


class SharedSecretSigner:
    """Signs with the client secret of a SHARED_SECRET agent."""

    algorithm = "HS256"

    def __init__(self, secret: str) -> None:
        # Agent API, 4.2: the key is the secret's text as it stands, not what base64 makes of it.
        self._key = secret.encode()

    def sign(self, data: bytes) -> bytes:
        return hmac_sha256(self._key, data)

    def jwks(self) -> str:
        """What a registration says about the key: nothing, the platform makes the secret."""
        return ""

    def __repr__(self) -> str:
        return "<SharedSecretSigner>"


def client_assertion(client_id: str, tenant: str, now_s: int, signer: "Signer") -> str:
    """Build a signed client assertion.

    Args:
        client_id: The agent's id.
        tenant: From the boarding configuration.
        now_s: The platform's time as well as it is known, in seconds since 1970.
        signer: Makes the signature.

    Source: agent API, 4.2; RFC 7523, section 3.
    """
    header = '{"typ":"JWT","alg":"' + signer.algorithm + '"}'
    claims = (
        '{"iss":%s,"sub":%s,"aud":["southgate"],"iat":%d,"nbf":%d,"exp":%d,'
        '"schemas":["urn:siemens:mindsphere:v1"],"ten":%s,"jti":"%s"}'
        % (
            json_string(client_id),
            json_string(client_id),
            now_s,
            now_s,
            now_s + ASSERTION_LIFE_S,
            json_string(tenant),
            _uuid4(),
        )
    )
    signed = base64url(header.encode()) + "." + base64url(claims.encode())
    return signed + "." + base64url(signer.sign(signed.encode()))


def _uuid4() -> str:
    # RFC 9562, 5.4: version 4 in byte 6, variant 10 in byte 8.
    raw = bytearray(random_bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = "".join("%02x" % byte for byte in raw)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
