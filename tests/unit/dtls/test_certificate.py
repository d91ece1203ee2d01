import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from rtcpeer.dtls.certificate import Certificate, Fingerprint, fingerprint_of, matches_any
from tests.unit.dtls.link import EC_1, EC_2, RSA, WALL_TIME


def test_the_default_is_p256_valid_for_a_month():
    assert isinstance(EC_1.private_key, ec.EllipticCurvePrivateKey)
    assert EC_1.private_key.curve.name == "secp256r1"
    assert EC_1.expires == WALL_TIME + timedelta(days=30)
    assert EC_1.x509.not_valid_before_utc < WALL_TIME
    EC_1.x509.verify_directly_issued_by(EC_1.x509)


def test_rsa_can_be_asked_for():
    assert isinstance(RSA.private_key, rsa.RSAPrivateKey)
    assert RSA.private_key.key_size == 2048


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Certificate.generate(datetime(2026, 1, 1))  # noqa: DTZ001


def test_two_certificates_differ_in_key_and_serial():
    assert EC_1.x509.serial_number != EC_2.x509.serial_number
    assert EC_1.fingerprint() != EC_2.fingerprint()


def test_it_says_nothing_about_the_user():
    assert EC_1.x509.subject == EC_2.x509.subject


@pytest.mark.parametrize("certificate", [EC_1, RSA])
def test_pem_round_trip(certificate):
    again = Certificate.from_pem(certificate.to_pem())
    assert again.fingerprints == certificate.fingerprints
    assert again.private_key.public_key() == certificate.private_key.public_key()


def test_pem_of_a_foreign_key_is_refused():
    key = EC_1.to_pem().split(b"-----BEGIN CERTIFICATE-----")[0]
    certificate = EC_2.x509.public_bytes(Encoding.PEM)
    with pytest.raises(ValueError, match="does not belong"):
        Certificate.from_pem(key + certificate)


def test_pem_of_another_kind_of_key_is_refused():
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="EC or an RSA"):
        Certificate.from_pem(pem + EC_1.x509.public_bytes(Encoding.PEM))


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-384", "sha-512"])
def test_fingerprints_are_those_of_rfc_8122(algorithm):
    digest = hashlib.new(algorithm.replace("-", ""), EC_1.der).hexdigest().upper()
    expected = ":".join(digest[index : index + 2] for index in range(0, len(digest), 2))
    assert EC_1.fingerprint(algorithm) == Fingerprint(algorithm, expected)
    assert str(EC_1.fingerprint(algorithm)) == f"{algorithm} {expected}"


def test_matching_ignores_case_and_knows_each_algorithm():
    for algorithm, value in EC_1.fingerprints:
        assert matches_any(EC_1.der, [Fingerprint(algorithm.upper(), value.lower())])
        assert not matches_any(EC_2.der, [Fingerprint(algorithm, value)])


def test_one_right_fingerprint_of_several_is_enough():
    assert matches_any(EC_1.der, [Fingerprint("sha-1", "00"), *EC_2.fingerprints, EC_1.fingerprint("sha-512")])


@pytest.mark.parametrize("algorithm", ["sha-1", "md5"])
def test_weak_algorithms_never_match(algorithm):
    """The deviation of docs/deviations.md from RFC 8122 section 5."""
    value = hashlib.new(algorithm.replace("-", ""), EC_1.der).digest().hex(":")
    assert not matches_any(EC_1.der, [Fingerprint(algorithm, value)])
    with pytest.raises(ValueError, match="algorithm"):
        fingerprint_of(EC_1.der, algorithm)


def test_no_fingerprint_matches_nothing():
    assert not matches_any(EC_1.der, [])


def test_the_wall_clock_is_the_callers():
    assert Certificate.generate(datetime(2001, 2, 3, tzinfo=UTC)).expires == datetime(2001, 3, 5, tzinfo=UTC)
