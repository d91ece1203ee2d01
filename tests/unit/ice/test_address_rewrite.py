import pytest

from rtcpeer.ice.address_rewrite import AddressRewrite, rewrite_for

ALL = AddressRewrite("198.51.100.1")
ONE = AddressRewrite("198.51.100.2", local="10.0.0.2")
NET = AddressRewrite(["198.51.100.3", "2001:db8::3"], local="10.1.0.0/16")
SRFLX = AddressRewrite("198.51.100.4", candidate_type="srflx")


@pytest.mark.parametrize(
    ("host", "kind", "expected"),
    [
        ("10.0.0.2", "host", ONE), ("10.1.7.7", "host", NET), ("10.9.0.1", "host", ALL), ("10.0.0.2", "srflx", SRFLX),
        ("2001:db8::9", "host", None),
    ],
)  # fmt: skip
def test_the_rule_that_names_an_address_goes_before_the_one_for_all(host, kind, expected):
    assert rewrite_for(host, kind, [ALL, ONE, NET, SRFLX]) is expected


def test_each_family_has_its_own_external_addresses():
    rule = AddressRewrite(["198.51.100.3", "2001:DB8::3"])
    assert rule.externals_of("10.0.0.1") == ["198.51.100.3"]
    assert rule.externals_of("fd00::1") == ["2001:db8::3"]


def test_host_candidates_are_replaced_and_reflexive_ones_appended_unless_said():
    assert [rule.replaces for rule in (ALL, SRFLX)] == [True, False]
    assert not AddressRewrite("198.51.100.1", mode="append").replaces
    assert AddressRewrite("198.51.100.1", candidate_type="srflx", mode="replace").replaces


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("external", {"external": "example.org"}), ("external", {"external": []}),
        ("local", {"external": "198.51.100.1", "local": "eth0"}),
        ("candidate_type", {"external": "198.51.100.1", "candidate_type": "relay"}),
        ("mode", {"external": "198.51.100.1", "mode": "swap"}),
    ],
)  # fmt: skip
def test_rules_that_can_not_work_are_refused_by_name(field, arguments):
    with pytest.raises(ValueError, match=field):
        AddressRewrite(**arguments)
