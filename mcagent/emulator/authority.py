"""The hub's own certificate authority and its server certificate."""

import os
import shutil
import ssl
import tempfile
from ipaddress import ip_address

import trustme

from .files import damaged, read_file, write_file

_CERTIFICATE = "ca.pem"
_KEY = "ca-key.pem"


class Authority:
    """A CA that lives in *directory* (kept between runs), or in a temporary one.

    `ca_file` is the path of its certificate, for clients to trust.
    """

    def __init__(self, directory: "str | None") -> None:
        self._temporary = None if directory else tempfile.mkdtemp(prefix="insights-hub-")
        home = directory or self._temporary or ""
        self.ca_file = os.path.join(home, _CERTIFICATE)
        key_file = os.path.join(home, _KEY)
        if os.path.exists(self.ca_file) and os.path.exists(key_file):
            try:
                self._ca = trustme.CA.from_pem(read_file(self.ca_file), read_file(key_file))
            except ValueError as error:
                raise damaged(self.ca_file) from error
        else:
            self._ca = trustme.CA()
            write_file(key_file, self._ca.private_key_pem.bytes(), mode=0o600)
            write_file(self.ca_file, self._ca.cert_pem.bytes(), mode=0o644)

    def server_context(self, host: str, public_name: str = "") -> ssl.SSLContext:
        """Make the TLS context of a server reached as localhost, by loopback, or as these."""
        names = ["localhost", "127.0.0.1", "::1"]
        for name in (host, public_name):
            if name and name not in names and not _is_wildcard(name):
                names.append(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The platform speaks TLS 1.2 and newer only (agent API 1.2).
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def close(self) -> None:
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
