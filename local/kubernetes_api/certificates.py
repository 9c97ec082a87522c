"""A certificate for a server on loopback. kubectl sends no bearer token without TLS, so there has to be one."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = timedelta(days=3650)
_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True)
class Certificate:
    """Files in PEM: the certificate of the server, its key, and the authority that clients trust."""

    certificate: Path
    key: Path
    authority: Path


def ensure_certificate(folder: Path) -> Certificate:
    """The certificate of a folder, made when there is none that is valid for another day."""
    found = Certificate(folder / "server.pem", folder / "server-key.pem", folder / "ca.pem")
    if not _is_valid(found):
        folder.mkdir(parents=True, exist_ok=True)
        _make(found)
    return found


def _is_valid(found: Certificate) -> bool:
    if not all(path.exists() for path in (found.certificate, found.key, found.authority)):
        return False
    try:
        certificate = x509.load_pem_x509_certificate(found.certificate.read_bytes())
    except ValueError:
        return False
    return certificate.not_valid_after_utc > datetime.now(UTC) + timedelta(days=1)


def _make(wanted: Certificate) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kfp-lifecycle local authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kfp-lifecycle local")])
    authority = _signed(
        _begun(issuer, issuer, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_usage(authority=True), True),
        authority_key,
    )
    addresses = [x509.IPAddress(ipaddress.ip_address(text)) for text in ("127.0.0.1", "::1")]
    names = x509.SubjectAlternativeName([*(x509.DNSName(name) for name in _NAMES), *addresses])
    server = _signed(
        _begun(subject, issuer, key)
        .add_extension(names, False)
        .add_extension(_usage(authority=False), True)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False),
        authority_key,
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The key of the authority is not kept: nothing else shall ever be signed with it.
    for path, data in (
        (wanted.authority, authority.public_bytes(pem)),
        (wanted.key, private),
        (wanted.certificate, server.public_bytes(pem)),
    ):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    start = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    return (
        builder.serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _signed(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())
