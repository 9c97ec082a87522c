"""The certificate of the local Kubernetes API.

kubectl sends a bearer token over TLS only, so the API needs a certificate even on loopback.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kfp_lifecycle.local.ports import LOOPBACK
from kfp_lifecycle.local.state import write_private

_DAYS = 3650
_RENEW_BEFORE_DAYS = 30


def ensure(certificate: Path, key: Path) -> None:
    """Write a self-signed certificate for loopback and its key, unless a good one is there."""
    if certificate.exists() and key.exists() and _lasts(certificate):
        return
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kfp-lifecycle local cluster")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = [x509.IPAddress(ipaddress.ip_address(LOOPBACK)), x509.DNSName("localhost")]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, hashes.SHA256())
    )
    encoded = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key, encoded.decode())
    write_private(certificate, signed.public_bytes(serialization.Encoding.PEM).decode())


def _lasts(certificate: Path) -> bool:
    known = x509.load_pem_x509_certificate(certificate.read_bytes())
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=_RENEW_BEFORE_DAYS)
    return known.not_valid_after_utc > soon
