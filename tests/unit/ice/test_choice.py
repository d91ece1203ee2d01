import pytest

from rtcpeer.ice.choice import gathered_types, remote_address_test
from rtcpeer.ice.settings import IceSettings


@pytest.mark.parametrize(
    ("policy", "types", "expected"),
    [
        ("all", ("host", "srflx", "relay"), {"host", "srflx", "relay"}),
        ("nohost", ("host", "srflx", "relay"), {"srflx", "relay"}),
        ("nohost", ("host", "srflx"), {"srflx"}),
        ("relay", ("host", "relay"), {"relay"}),
        ("all", ["host"], {"host"}),
    ],
)
def test_policy_and_choice_have_both_to_allow_a_type(policy, types, expected):
    assert gathered_types(IceSettings(transport_policy=policy, candidate_types=types)) == expected


def test_the_peer_may_be_anywhere_unless_somebody_minds():
    failures = []
    assert remote_address_test(IceSettings(), failures.append)("192.0.2.1")
    admits = remote_address_test(IceSettings(remote_address_filter=["192.0.2.0/24", "2001:db8::1"]), failures.append)
    hosts = ("192.0.2.1", "192.0.3.1", "2001:db8::1", "2001:db8::2")
    assert [admits(host) for host in hosts] == [True, False, True, False]
    assert failures == []
