"""Whom TLS trusts: the system's certificates, or one CA file."""

import os
import ssl

from ...errors import ConfigurationError


def client_context(ca_file: "str | None") -> ssl.SSLContext:
    """TLS 1.2 or newer, chain and host name verified."""
    # Not ssl.create_default_context: since Python 3.13 that also demands RFC 5280 to the letter
    # (VERIFY_X509_STRICT), which many private CAs on factory floors do not meet. The same device
    # must not lose its platform by an update of Python.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is None:
        context.load_default_certs()
        return context
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"CA file {ca_file} holds a certificate that OpenSSL cannot read: {error.reason}",
            hint="openssl x509 -noout -text -in FILE shows where it breaks.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"CA file {ca_file} cannot be read: {error.strerror}",
            hint="Give the path of a PEM file with the certificates to trust.",
        ) from error
    # Whoever gives an intermediate certificate alone means to trust it; curl reads it so, too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def describe(ca_file: "str | None") -> str:
    """What is trusted, looked up, for a message about an unknown issuer."""
    if ca_file is not None:
        return f"trusted is only what {ca_file} holds"
    paths = ssl.get_default_verify_paths()
    places = [
        place for place in (paths.cafile, paths.capath) if place and _has_certificates(place)
    ]
    if places:
        return "trusted are the system's certificates in " + " and ".join(places)
    file = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)
    folder = os.environ.get(paths.openssl_capath_env, paths.openssl_capath)
    return f"this machine has no CA certificates at all (looked for {file} and {folder})"


def _has_certificates(place: str) -> bool:
    if os.path.isdir(place):
        return bool(os.listdir(place))
    return os.path.getsize(place) > 0
