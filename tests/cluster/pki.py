"""The authorities and certificates of the cluster, and the kubeconfig of each that speaks to the API server."""

import base64
import ipaddress
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from fp_testkit.wallclock import real_now
from layout import API, API_SERVICE, NODE, NODE_IP

_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
_DAYS = 30
_API_NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
    "127.0.0.1",
    API_SERVICE,
    NODE_IP,
)
# Who speaks to the API server: the name of the file, group and name of the user.
_USERS = (
    ("admin", "system:masters", "admin"),
    ("kubelet", "system:nodes", f"system:node:{NODE}"),
    ("controller-manager", "", "system:kube-controller-manager"),
    ("scheduler", "", "system:kube-scheduler"),
    ("proxy", "", "system:kube-proxy"),
)


class Folder:
    """Writes pairs `<name>.crt` and `<name>.key`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def authority(self, name: str) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
        key = generate_private_key(SECP256R1())
        subject = _subject("", name)
        builder = _begun(subject, subject, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        certificate = builder.sign(key, hashes.SHA256())
        self._write(name, certificate, key)
        return certificate, key

    def leaf(
        self,
        name: str,
        authority: tuple[x509.Certificate, EllipticCurvePrivateKey],
        usage: x509.ObjectIdentifier,
        *,
        group: str = "",
        common: str = "",
        names: Sequence[str] = (),
    ) -> None:
        key = generate_private_key(SECP256R1())
        builder = (
            _begun(_subject(group, common or name), authority[0].subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), False)
        self._write(name, builder.sign(authority[1], hashes.SHA256()), key)

    def kubeconfig(self, name: str) -> None:
        def encoded(file: str) -> str:
            return base64.b64encode((self._path / file).read_bytes()).decode()

        cluster = {"server": API, "certificate-authority-data": encoded("ca.crt")}
        user = {
            "client-certificate-data": encoded(f"{name}.crt"),
            "client-key-data": encoded(f"{name}.key"),
        }
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "forgepoint",
            "clusters": [{"name": "forgepoint", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "forgepoint", "context": {"cluster": "forgepoint", "user": name}}],
        }
        (self._path / f"{name}.conf").write_text(json.dumps(document, indent=1))

    def _write(self, name: str, certificate: x509.Certificate, key: EllipticCurvePrivateKey) -> None:
        (self._path / f"{name}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.private(name, key)

    def private(self, name: str, key: EllipticCurvePrivateKey) -> None:
        form = serialization.PrivateFormat.TraditionalOpenSSL
        plain = serialization.NoEncryption()
        (self._path / f"{name}.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))

    def public(self, name: str, key: EllipticCurvePrivateKey) -> None:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        (self._path / f"{name}.pub").write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))


def make(path: Path) -> None:
    """All of them, anew: a cluster lives for hours."""
    folder = Folder(path)
    own, proxies = folder.authority("ca"), folder.authority("front-proxy-ca")
    folder.leaf("apiserver", own, _SERVER, names=_API_NAMES)
    folder.leaf("kubelet-server", own, _SERVER, common=f"system:node:{NODE}", names=(NODE, NODE_IP, "127.0.0.1"))
    folder.leaf("apiserver-kubelet", own, _CLIENT, group="system:masters")
    folder.leaf("front-proxy-client", proxies, _CLIENT)
    for name, group, user in _USERS:
        folder.leaf(name, own, _CLIENT, group=group, common=user)
        folder.kubeconfig(name)
    tokens = generate_private_key(SECP256R1())
    folder.private("tokens", tokens)
    folder.public("tokens", tokens)


def _begun(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = real_now()  # the programs of Kubernetes judge it
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_DAYS))
    )


def _subject(group: str, common: str) -> x509.Name:
    organization = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group)] if group else []
    return x509.Name([*organization, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
