"""Whom TLS trusts: the system's certificates, or one CA file; and whom it does not any more."""

import os

from ...errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

_CA_HINT = "Give the path of a PEM file with the certificates to trust."
_CRL_HINT = "Give the path of a PEM file with the revocation lists of every CA in the chain."


class Trust:
    """What certificates are judged by.

    Args:
        ca_file: PEM file with the only CAs to trust; None trusts the system's.
        crl_file: PEM file with the revocation lists of all CAs that are met; None asks no list.

    Raises:
        ConfigurationError: A file cannot be used. Both are read here, not at the first request, so
            that a typing error shows at once.
    """

    def __init__(self, ca_file: "str | None" = None, crl_file: "str | None" = None) -> None:
        self.ca_file = ca_file
        self.crl_file = crl_file
        if ca_file is not None and b"-----BEGIN CERTIFICATE-----" not in _read(
            "CA file", ca_file, _CA_HINT
        ):
            raise ConfigurationError(
                f"CA file {ca_file} holds no certificate in PEM form",
                hint="PEM begins with -----BEGIN CERTIFICATE-----; "
                "openssl x509 -inform der -in FILE makes it from DER.",
            )
        self.check_crl_file()

    def check_crl_file(self) -> None:
        """Raise ConfigurationError where it is no list of revoked certificates."""
        if self.crl_file is None:
            return
        text = _read("CRL file", self.crl_file, _CRL_HINT)
        if b"-----BEGIN X509 CRL-----" not in text:
            raise ConfigurationError(
                f"CRL file {self.crl_file} holds no revocation list in PEM form",
                hint="PEM begins with -----BEGIN X509 CRL-----; "
                "openssl crl -inform der -in FILE makes it from DER.",
            )
        if b"CERTIFICATE-----" in text:
            # OpenSSL would trust it: who can renew a list must not be able to add a CA.
            raise ConfigurationError(
                f"CRL file {self.crl_file} holds a certificate, too",
                hint="Certificates to trust belong into the CA file.",
            )

    def version(self) -> int:
        """Differs when the lists were renewed; 0 without lists."""
        if self.crl_file is None:
            return 0
        try:
            return os.stat(self.crl_file).st_mtime_ns
        except OSError as error:
            raise _unreadable("CRL file", self.crl_file, error, _CRL_HINT) from error

    def context(self) -> "ssl.SSLContext":
        """TLS 1.2 or newer, chain and host name verified."""
        import ssl

        # Not ssl.create_default_context: since Python 3.13 that also demands RFC 5280 to the
        # letter (VERIFY_X509_STRICT), which many private CAs on factory floors do not meet. The
        # same device must not lose its platform by an update of Python.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file is None:
            context.load_default_certs()
        else:
            _load(context, "CA file", self.ca_file, "certificate", _CA_HINT)
            # Whoever gives an intermediate certificate alone means to trust it; curl reads it so.
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        if self.crl_file is not None:
            self.check_crl_file()  # it may be another one by now
            _load(context, "CRL file", self.crl_file, "revocation list", _CRL_HINT)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
        return context

    def files(self) -> "dict[str, str | None]":
        """Absolute paths of both files, and what the environment names instead of the system's."""
        return {
            "ca_file": None if self.ca_file is None else os.path.abspath(self.ca_file),
            "crl_file": None if self.crl_file is None else os.path.abspath(self.crl_file),
            "ssl_cert_file": os.environ.get("SSL_CERT_FILE"),
        }

    def describe(self) -> str:
        """What is trusted, looked up, for a message about an unknown issuer."""
        import ssl

        if self.ca_file is not None:
            return f"trusted is only what {self.ca_file} holds"
        paths = ssl.get_default_verify_paths()
        places = [
            place for place in (paths.cafile, paths.capath) if place and _has_certificates(place)
        ]
        if places:
            return "trusted are the system's certificates in " + " and ".join(places)
        file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
        folder = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
        return f"this machine has no CA certificates at all (looked for {file} and {folder})"


def _read(what: str, path: str, hint: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise _unreadable(what, path, error, hint) from error


def _load(context: "ssl.SSLContext", what: str, path: str, kind: str, hint: str) -> None:
    import ssl

    try:
        context.load_verify_locations(path)
    except ssl.SSLError as error:
        tool = "x509" if kind == "certificate" else "crl"
        raise ConfigurationError(
            f"{what} {path} holds a {kind} that OpenSSL cannot read: {error.reason}",
            hint=f"openssl {tool} -noout -text -in FILE shows where it breaks.",
        ) from error
    except OSError as error:
        raise _unreadable(what, path, error, hint) from error


def _unreadable(what: str, path: str, error: OSError, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{what} {path} cannot be read: {error.strerror}", hint=hint)


def _has_certificates(place: str) -> bool:
    if os.path.isdir(place):
        return bool(os.listdir(place))
    return os.path.getsize(place) > 0
