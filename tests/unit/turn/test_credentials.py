import pytest

from rtcpeer.errors import MalformedPacketError
from rtcpeer.stun import AttributeType, MessageClass, Method, StunMessage, long_term_key, user_hash
from rtcpeer.turn import Credentials, time_limited_credentials
from rtcpeer.turn.credentials import Authenticator, Challenge

ADA, BOB = Credentials("ada", "lovelace"), Credentials("bob", "x")
MD5, SHA256 = bytes.fromhex("0001 0000"), bytes.fromhex("0002 0000")


def challenge(nonce=b"n1", realm="r", algorithms=None):
    response = StunMessage(Method.ALLOCATE, MessageClass.ERROR, bytes(12))
    if realm is not None:
        response.add_text(AttributeType.REALM, realm)
    if nonce is not None:
        response.add(AttributeType.NONCE, nonce)
    if algorithms is not None:
        response.add(AttributeType.PASSWORD_ALGORITHMS, algorithms)
    return response


def request():
    return StunMessage(Method.ALLOCATE, MessageClass.REQUEST, bytes(12))


def test_time_limited_credentials_are_what_coturn_computes():
    # printf '1700000000:ada' | openssl dgst -sha1 -hmac north -binary | base64
    credentials = time_limited_credentials("north", expires_at=1_700_000_000.9, user_id="ada")
    assert credentials == Credentials("1700000000:ada", "ndZ88ryT1whVxdkcRLepT9D1MpM=")
    assert time_limited_credentials("north", expires_at=1_700_000_000) == Credentials(
        "1700000000", "CWyHi3zCeWqXBir9thl4m+iZPRY="
    )
    assert time_limited_credentials("north", expires_at=1.0, user_id="a", separator="|").username == "1|a"


def test_the_password_stays_out_of_logs():
    assert "lovelace" not in repr(ADA)


def test_nothing_is_signed_without_credentials_or_before_the_server_asks():
    unasked, nobody = Authenticator(ADA), Authenticator(None)
    nobody.challenge = Challenge("r", b"n1")
    for authenticator in (unasked, nobody):
        packet, signature = authenticator.serialize(request(), fingerprint=False)
        assert signature is None
        assert packet == request().serialize()


def test_a_request_is_signed_as_the_server_asks():
    authenticator = Authenticator(ADA)
    authenticator.challenge = Challenge.parse(challenge(), None)
    packet, signature = authenticator.serialize(request(), fingerprint=True)
    message = StunMessage.parse(packet)
    assert message.text(AttributeType.USERNAME) == "ada"
    assert message.text(AttributeType.REALM) == "r"
    assert message.value(AttributeType.NONCE) == b"n1"
    assert message.has_fingerprint
    assert message.verify_integrity(long_term_key("ada", "r", "lovelace"))
    good = StunMessage.parse(request().success_response().serialize(long_term_key("ada", "r", "lovelace")))
    bad = StunMessage.parse(request().success_response().serialize(long_term_key("ada", "r", "other")))
    assert signature.verifies(good)
    assert not signature.verifies(bad)
    assert not signature.verifies(StunMessage.parse(request().success_response().serialize()))


def test_the_first_algorithm_that_we_have_is_taken_and_the_integrity_is_the_stronger():
    unknown = bytes.fromhex("0077 0003 010203 00")
    authenticator = Authenticator(ADA)
    authenticator.challenge = Challenge.parse(challenge(algorithms=unknown + SHA256 + MD5), None)
    packet, _ = authenticator.serialize(request(), fingerprint=False)
    message = StunMessage.parse(packet)
    assert message.value(AttributeType.PASSWORD_ALGORITHMS) == unknown + SHA256 + MD5
    assert message.value(AttributeType.PASSWORD_ALGORITHM) == SHA256
    assert message.verify_integrity(long_term_key("ada", "r", "lovelace", "sha256"))
    assert bytes.fromhex("0008 0014") not in packet  # no MESSAGE-INTEGRITY besides


def test_the_user_name_is_hidden_where_the_nonce_says_so():
    # bit 1 of 24, the leftmost being bit 0: 0x400000 is "QAAA" in base64
    authenticator = Authenticator(ADA)
    authenticator.challenge = Challenge.parse(challenge(nonce=b"obMatJos2QAAAxyz"), None)
    message = StunMessage.parse(authenticator.serialize(request(), fingerprint=False)[0])
    assert AttributeType.USERNAME not in message
    assert message.value(AttributeType.USERHASH) == user_hash("ada", "r")


@pytest.mark.parametrize("nonce", [b"obMatJos2", b"obMatJos2AA", b"obMatJos2!!!!", b"obMatJos2AAAA"])
def test_a_nonce_without_features_is_only_a_nonce(nonce):
    parsed = Challenge.parse(challenge(nonce=nonce), None)
    assert not parsed.is_anonymous
    assert parsed.algorithms is None


@pytest.mark.parametrize(
    "response",
    [
        challenge(nonce=None),
        challenge(nonce=b""),
        challenge(realm=None),
        challenge(nonce=b"n" * 764),
        challenge(realm="r" * 764),
        challenge(algorithms=b""),
        challenge(algorithms=bytes.fromhex("0077 0000")),
        challenge(algorithms=bytes.fromhex("0002 0004 00000000")),  # SHA-256 takes no parameters
        challenge(algorithms=bytes.fromhex("0002")),
        challenge(algorithms=bytes.fromhex("0077 0009 00")),
        challenge(nonce=b"obMatJos2gAAA"),  # bit 0: there are algorithms, but somebody took them out
    ],
)
def test_a_challenge_that_can_not_be_met(response):
    with pytest.raises(MalformedPacketError):
        Challenge.parse(response, None)


def test_the_realm_is_remembered_where_a_stale_nonce_has_none():
    assert Challenge.parse(challenge(realm=None), "r") == Challenge("r", b"n1")


def test_new_credentials_and_the_way_back():
    authenticator = Authenticator(ADA)
    assert not authenticator.fall_back()
    authenticator.replace(BOB)
    authenticator.replace(Credentials("carl", "y"))
    assert authenticator.fall_back()
    assert authenticator.credentials == ADA
    assert not authenticator.fall_back()
    authenticator.replace(ADA)
    assert not authenticator.fall_back()
