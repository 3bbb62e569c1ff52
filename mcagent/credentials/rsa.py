"""RSA_3072: the key made on the device, RS256 by PyJWT. CPython only; all imports are late.

PyJWT and cryptography cost 70 ms and 20 MB, which a SHARED_SECRET agent must never pay.
"""

from ..errors import ConfigurationError
from ..runtime import base64url, new_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BITS = 3072
_HINT = "pip install mcagent[rsa], or apt install python3-cryptography python3-jwt"


class RsaSigner:
    """Signs with the private key of an RSA_3072 agent.

    Raises:
        ConfigurationError: PyJWT or cryptography is not installed, or the key is unreadable.
    """

    algorithm = "RS256"  # agent API, 4.2: what most clients send

    def __init__(self, pem: str) -> None:
        jwt, _rsa, _serialization = _libraries()
        self._rs256 = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
        try:
            self._key = self._rs256.prepare_key(pem)
        except (ValueError, TypeError, jwt.exceptions.InvalidKeyError) as error:
            # The library's words could quote the key: only its kind of error is passed on.
            raise ConfigurationError(
                "the private key of this agent cannot be read (%s)" % type(error).__name__,
                hint="offboard the agent and onboard it with a new boarding configuration",
            ) from None

    def sign(self, data: bytes) -> bytes:
        signature: bytes = self._rs256.sign(data, self._key)
        return signature

    def jwks(self) -> str:
        """The public half as a key set; the key's id is its thumbprint."""
        numbers = self._key.public_key().public_numbers()
        exponent, modulus = _base64url_number(numbers.e), _base64url_number(numbers.n)
        # Agent API, 3.1: all four members are required.
        return '{"keys":[{"kty":"RSA","e":"%s","n":"%s","kid":"%s"}]}' % (
            exponent,
            modulus,
            _thumbprint(exponent, modulus),
        )

    def __repr__(self) -> str:
        return "<RsaSigner>"


def generate_key() -> str:
    """Make a private key, as PEM text (PKCS 8): half a second on a PC, a minute on a Pi Zero.

    Raises:
        ConfigurationError: PyJWT or cryptography is not installed.
    """
    _jwt, rsa, serialization = _libraries()
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    pem: bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        # The file's mode protects it: a device that starts alone has nobody to ask a password of.
        serialization.NoEncryption(),
    )
    return pem.decode()


def _thumbprint(exponent: str, modulus: str) -> str:
    # RFC 7638: a name that is the key's own, so that no two rotations share one and a repeated
    # request says the same.
    thumb = new_sha256()
    thumb.update(('{"e":"%s","kty":"RSA","n":"%s"}' % (exponent, modulus)).encode())
    return base64url(thumb.digest())


def _base64url_number(number: int) -> str:
    # RFC 7518, 6.3.1: unsigned big-endian, no leading zero byte.
    return base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _libraries() -> "tuple[Any, Any, Any]":
    try:
        import jwt
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa
    except ImportError as error:
        raise ConfigurationError(
            "security profile RSA_3072 needs %s, which is not installed"
            % (error.name or "cryptography"),
            hint=_HINT,
        ) from error
    return jwt, rsa, serialization
