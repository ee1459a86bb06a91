"""Makes the certificates of the recordings: certificates.py FOLDER."""

import datetime
import pathlib
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
END = datetime.datetime(2126, 1, 1, tzinfo=datetime.timezone.utc)
EXPIRED_START = datetime.datetime(2019, 1, 1, tzinfo=datetime.timezone.utc)
EXPIRED_END = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)


def name(common_name):
    return x509.Name([
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tlsight test"),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ])


class Authority:
    def __init__(self, common_name, key, parent=None, serial=1):
        self.key, self.name = key, name(common_name)
        self.certificate = (
            builder(self.name, key, parent.name if parent else self.name, serial)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign((parent or self).key, hashes.SHA256())
        )

    def issue(self, common_name, key, names, serial, start=START, end=END, usage="server"):
        purpose = {"server": ExtendedKeyUsageOID.SERVER_AUTH,
                   "client": ExtendedKeyUsageOID.CLIENT_AUTH}[usage]
        request = builder(name(common_name), key, self.name, serial, start, end)
        request = request.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if names:
            names = x509.SubjectAlternativeName([x509.DNSName(each) for each in names])
            request = request.add_extension(names, critical=False)
        return request.sign(self.key, hashes.SHA256())


def builder(subject, key, issuer, serial, start=START, end=END):
    return (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
        .public_key(key.public_key()).serial_number(serial)
        .not_valid_before(start).not_valid_after(end)
    )


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def write(folder, label, key, chain):
    key = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption())
    (folder / f"{label}.key").write_bytes(key)
    (folder / f"{label}.key").chmod(0o600)
    (folder / f"{label}.pem").write_bytes(b"".join(map(pem, chain)))
    (folder / f"{label}-leaf.pem").write_bytes(pem(chain[0]))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rsa_2048 = lambda: rsa.generate_private_key(65537, 2048)
    p256 = lambda: ec.generate_private_key(ec.SECP256R1())

    root = Authority("tlsight test root", rsa_2048())
    middle = Authority("tlsight test intermediate", p256(), root, serial=2)
    (folder / "root.pem").write_bytes(pem(root.certificate))
    (folder / "intermediate.pem").write_bytes(pem(middle.certificate))

    key = p256()
    write(folder, "ecdsa", key, [root.issue("example.test", key, ["example.test", "*.example.test"], 16)])
    key = p256()
    write(folder, "chain", key, [middle.issue("chain.test", key, ["chain.test"], 17), middle.certificate])
    key = rsa_2048()
    write(folder, "rsa", key, [root.issue("rsa.test", key, ["rsa.test", "example.test"], 18)])
    key = ed25519.Ed25519PrivateKey.generate()
    write(folder, "ed25519", key, [root.issue("ed25519.test", key, ["ed25519.test"], 19)])
    key = p256()
    expired = root.issue("expired.test", key, ["expired.test"], 20, EXPIRED_START, EXPIRED_END)
    write(folder, "expired", key, [expired])
    key = p256()
    write(folder, "client", key, [root.issue("client.test", key, [], 21, usage="client")])
    key = rsa_2048()
    rsa_client = root.issue("client.test", key, [], 23, usage="client")
    write(folder, "rsa-client", key, [rsa_client])
    key = p256()
    self_signed = builder(name("self-signed.test"), key, name("self-signed.test"), 22)
    write(folder, "self-signed", key, [self_signed.sign(key, hashes.SHA256())])

    leaf = x509.load_pem_x509_certificate((folder / "ecdsa.pem").read_bytes())
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(cert=leaf, issuer=root.certificate, algorithm=hashes.SHA1(),
                      cert_status=ocsp.OCSPCertStatus.GOOD, this_update=START, next_update=END,
                      revocation_time=None, revocation_reason=None)
        .responder_id(ocsp.OCSPResponderEncoding.HASH, root.certificate)
        .sign(root.key, hashes.SHA256())
    )
    (folder / "ecdsa.ocsp").write_bytes(response.public_bytes(serialization.Encoding.DER))


main()
