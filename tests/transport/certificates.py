"""Chains of certificates with dates of their own, and lists of revoked ones."""

import datetime as dt
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = dt.timedelta(days=1)


def now():
    return dt.datetime.now(dt.timezone.utc).replace(microsecond=0)


class Authority:
    """A CA named *name*, signed by *parent* or by itself; *days*: begin and end from now."""

    def __init__(self, name, *, parent=None, days=(-400, 400)):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.parent = parent
        self.certificate = self._sign_as(parent or self, self.name, self.key, days, is_ca=True)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def _sign_as(self, signer, name, key, days, *, is_ca, host=None):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(signer.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now() + days[0] * DAY)
            .not_valid_after(now() + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if host:
            names = x509.SubjectAlternativeName([x509.DNSName(host)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(signer.key, hashes.SHA256())

    def leaf(self, host="localhost", *, days=(-10, 90)):
        """A certificate of *host* and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        return self._sign_as(self, name, key, days, is_ca=False, host=host), key

    def crl(self, *revoked, days=(-1, 30)):
        """A list of revoked certificates as PEM; *days*: this and next update from now."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(now() + days[0] * DAY)
            .next_update(now() + days[1] * DAY)
        )
        for certificate in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(certificate.serial_number)
                .revocation_date(now() - DAY)
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def context(folder, leaf, *authorities):
    """A server's TLS context that sends *leaf*, ``(certificate, key)``, and *authorities*."""
    certificate, key = leaf
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    pem += b"".join(authority.pem for authority in authorities)
    pem += key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / f"server-{certificate.serial_number}.pem"
    path.write_bytes(pem)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


def chain(folder, *, issuer, leaf):
    """Path of a root, and the context of a host under an intermediate; days from now."""
    root = Authority("root")
    between = Authority("intermediate", parent=root, days=issuer)
    path = folder / "root.pem"
    path.write_bytes(root.pem)
    return str(path), context(folder, between.leaf(days=leaf), between)
