"""A throw-away certificate authority and a certificate for Tradovate's host names, so that clients with built-in names
can be pointed at the simulator.

The authority's key is never written: it signs one certificate and is forgotten. Its certificate is constrained to the
names that were asked for, so that trusting it opens nothing else.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .config import Config
from .hosts import TRADOVATE_DOMAIN, split_port, tradovate_names

LIFETIME = timedelta(days=90)
RENEWED_BEFORE = timedelta(days=7)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.IGNORECASE)


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: the authority to trust, the server's certificate, and its key, which only the owner can read."""

    ca: Path
    certificate: Path
    key: Path


def names_of(config: Config) -> list[str]:
    """The host names that a simulator's certificate is for, besides those of loopback."""
    names = list(config.tls_names) or tradovate_names(config.hosts.domain or TRADOVATE_DOMAIN)
    return names + [name for host in config.hosts.moved.values() if (name := split_port(host)[0]) not in names]


def certificates_of(config: Config) -> Certificates | None:
    """The certificates that a simulator is asked to speak TLS with; None when it is not asked to.

    Raises OSError when the directory cannot be used, ValueError for a name that is none or files of somebody else.
    """
    return None if config.tls is None else certificates(config.tls, names_of(config), datetime.now(UTC))


def certificates(directory: Path, names: Sequence[str], now: datetime) -> Certificates:
    """The certificates of a directory when they are for these names and good for some days more, else new ones.

    `now` is aware. A new authority has to be trusted anew. Raises OSError, or ValueError when a name is no host name
    or when a file there is not one of ours.
    """
    files = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    if not _usable(files, names, now):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(files, names, now)
    return files


def how_to_trust(files: Certificates, names: Sequence[str], host: str) -> str:
    """What an operator does to point a client at the simulator: lines for the hosts file, and ways to trust it."""
    address = host if host not in ("localhost", "0.0.0.0", "::") else "127.0.0.1"  # noqa: S104 - nothing is bound here
    return (
        f"For the hosts file (/etc/hosts):\n{address} {' '.join(names)}\n"
        f"To trust it: SSL_CERT_FILE={files.ca} (Python, OpenSSL), NODE_EXTRA_CA_CERTS={files.ca} (Node),\n"
        f"curl --cacert {files.ca}, or import {files.ca} where your client keeps its authorities."
    )


def _usable(files: Certificates, names: Sequence[str], now: datetime) -> bool:
    if not any(file.exists() for file in (files.ca, files.certificate, files.key)):
        return False
    try:
        ca = x509.load_pem_x509_certificate(files.ca.read_bytes())
        leaf = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    except FileNotFoundError:
        return False
    except ValueError:
        raise ValueError(f"{files.ca.parent} has files that are no certificates of ours. Choose another.") from None
    try:
        leaf.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature):
        return False
    found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return (
        set(map(_general_name, names)) <= set(found)
        and leaf.public_key() == key.public_key()
        and leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc - RENEWED_BEFORE
    )


def _make(files: Certificates, names: Sequence[str], now: datetime) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name(f"Tradovate simulator, throw-away, {now:%Y-%m-%d %H:%M:%S}")
    every = list(dict.fromkeys(map(_general_name, [*names, *LOOPBACK])))
    permitted = [x509.IPAddress(ipaddress.ip_network(one.value)) if _is_address(one) else one for one in every]
    ca = (
        _certificate(issuer, issuer, ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    leaf = (
        _certificate(_name("Tradovate simulator"), issuer, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(every), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(files.key, private, 0o600)
    _write(files.certificate, leaf.public_bytes(pem), 0o644)
    _write(files.ca, ca.public_bytes(pem), 0o644)
    # what cannot be served must fail here, with a name, and not at the first connection
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(files.certificate, files.key)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not _HOST_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no host name.") from None
        return x509.DNSName(name)


def _is_address(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.IPAddress)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + LIFETIME)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, mode: int) -> None:
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    beside.replace(path)
