import pytest

from rtcpeer.dtls.keys import Secrets, aead_suite, prf, record_keys, srtp_keys


def test_prf_of_sha256():
    """The test vector that the TLS working group passed around for P_SHA256."""
    secret = bytes.fromhex("9bbe436ba940f017b17652849a71db35")
    seed = bytes.fromhex("a0ba9f936cda311827a6f796ffd5198c")
    expected = bytes.fromhex(
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a"
        "6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab"
        "4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701"
        "87347b66"
    )
    assert prf(secret, b"test label", seed, 100, "sha256") == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256", (16, "sha256")),
        ("ECDHE-RSA-AES256-GCM-SHA384", (32, "sha384")),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", None),
        ("ECDHE-ECDSA-AES128-SHA", None),
        ("AES128-GCM-SHA256", None),  # no forward secrecy
        (None, None),
    ],
)
def test_the_suites_whose_records_are_ours(name, expected):
    assert aead_suite(name) == expected


def test_the_key_block_is_cut_in_order():
    secrets = Secrets(b"m" * 48, b"c" * 32, b"s" * 32)
    block = prf(secrets.master, b"key expansion", b"s" * 32 + b"c" * 32, 72, "sha384")
    client, server = record_keys(secrets, aead_suite("ECDHE-RSA-AES256-GCM-SHA384"))
    assert (client.key, server.key, client.salt, server.salt) == (block[:32], block[32:64], block[64:68], block[68:])


def test_secrets_do_not_show_themselves():
    secrets = Secrets(b"hidden", b"c", b"s")
    assert "hidden" not in repr(secrets)
    assert "hidden" not in repr(record_keys(secrets, aead_suite("ECDHE-RSA-AES128-GCM-SHA256")))


@pytest.mark.parametrize(
    ("profile", "key", "salt"),
    [
        ("SRTP_AES128_CM_SHA1_80", 16, 14),
        ("SRTP_AEAD_AES_128_GCM", 16, 12),
        ("SRTP_AEAD_AES_256_GCM", 32, 12),
    ],
)
def test_srtp_keys_are_sorted_by_direction(profile, key, salt):
    material = b"C" * key + b"S" * key + b"c" * salt + b"s" * salt
    client = srtp_keys(profile, material, is_client=True)
    server = srtp_keys(profile, material, is_client=False)
    assert (client.local_key, client.local_salt) == (b"C" * key, b"c" * salt)
    assert (client.remote_key, client.remote_salt) == (b"S" * key, b"s" * salt)
    assert (server.local_key, server.local_salt) == (client.remote_key, client.remote_salt)
    assert (server.remote_key, server.remote_salt) == (client.local_key, client.local_salt)
    assert "CCC" not in repr(client)


def test_srtp_material_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="56 bytes"):
        srtp_keys("SRTP_AEAD_AES_128_GCM", bytes(55), is_client=True)
