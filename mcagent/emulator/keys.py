"""The platform's signing key: for boarding, registration and access tokens (agent API 4.4)."""

import base64
import os
import threading
import uuid
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .files import damaged, read_file, write_file

KEY_ID = "key-id-1"
# The platform's key has 4096 bits. Making one takes a second or more; 2048 bits take about 50 ms,
# and no client looks at the size.
_BITS = 2048
_KEPT, _KEPT_LENGTH = 1024, 4096  # of tokens that were checked


class SigningKey:
    """An RSA key that is made in the background, so that start-up need not wait for it.

    It is kept in the file *path*, so that tokens outlive a restart; None keeps it in RAM.

    Raises:
        OSError: The file cannot be read, or holds no key.
    """

    def __init__(self, path: "str | None") -> None:
        self._path = path
        self._key = self._kept()
        self._maker = threading.Thread(target=self._make, name="insights-hub-key", daemon=True)
        self._maker.start()
        self._known = lru_cache(maxsize=_KEPT)(self._claims)

    def issue(self, claims: dict[str, Any]) -> str:
        """Sign *claims* with RS256; a `jti` is added."""
        claims = {"jti": str(uuid.uuid4()), **claims}
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"kid": KEY_ID})

    def verify(self, token: str) -> "dict[str, Any] | None":
        """Give the claims of a token that this key signed, else None. Times are not checked.

        PyJWT would check them by this machine's clock; the platform's may be shifted. What was
        found is kept: an agent shows one token for an hour, and the check costs as much as all
        else of a small request.
        """
        return self._known(token) if len(token) <= _KEPT_LENGTH else self._claims(token)

    def _claims(self, token: str) -> "dict[str, Any] | None":
        try:
            return jwt.decode(
                token,
                self._private.public_key(),
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                    "verify_aud": False,
                },
            )
        except (jwt.InvalidTokenError, RecursionError):
            return None

    def jwk(self) -> dict[str, str]:
        """Give the public key as `oauth/token_key` answers it."""
        public = self._private.public_key()
        numbers = public.public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": KEY_ID,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
            # Agent API 4.4: no line breaks; the Node client inserts them itself.
            "value": self.pem().replace("\n", ""),
        }

    def pem(self) -> str:
        """Give the public key as PEM text with its line breaks."""
        return (
            self._private.public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode()
        )

    def close(self) -> None:
        self._maker.join()

    @property
    def _private(self) -> rsa.RSAPrivateKey:
        self._maker.join()
        if self._key is None:
            raise RuntimeError("the signing key could not be made")
        return self._key

    def _kept(self) -> "rsa.RSAPrivateKey | None":
        if self._path is None or not os.path.exists(self._path):
            return None
        try:
            key = serialization.load_pem_private_key(read_file(self._path), None)
        except ValueError as error:
            raise damaged(self._path) from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise damaged(self._path)
        return key

    def _make(self) -> None:
        if self._key is not None:
            return
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
        if self._path is not None:
            pem = self._key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_file(self._path, pem, mode=0o600)


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
