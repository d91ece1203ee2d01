import pytest

from rtcpeer.ice.filters import Filter, address_test, name_test


def test_names_are_a_sequence_or_a_callable():
    assert [name_test("x", ("eth0", "wlan0"))(name) for name in ("eth0", "eth1")] == [True, False]
    assert name_test("x", lambda name: name.startswith("eth"))("eth7")


def test_addresses_are_a_sequence_or_a_callable():
    test = address_test("x", ["10.0.0.0/8", "2001:db8::1"])
    assert [test(host) for host in ("10.1.2.3", "11.0.0.1", "2001:db8::1")] == [True, False, True]
    assert address_test("x", lambda host: ":" in host)("::1")


@pytest.mark.parametrize("rule", ["10.0.0.1", ["nonsense"], [None]])
def test_nonsense_is_refused_with_the_name_of_the_field(rule):
    with pytest.raises(ValueError, match="some_field"):
        address_test("some_field", rule)


def test_a_subject_is_judged_once_and_memory_is_bounded():
    asked = []
    judge = Filter("x", lambda host: not asked.append(host), [].append)
    for _ in range(3):
        assert judge.admits("one")
    assert asked == ["one"]
    for number in range(2000):
        judge.admits(str(number))
    assert len(judge._verdicts) <= 512


def test_what_raises_keeps_out_and_is_told():
    failures = []
    error = RuntimeError("the program's fault")

    def fail(host):
        raise error

    judge = Filter("remote_address_filter", fail, failures.append)
    assert not judge.admits("192.0.2.1")
    assert not judge.admits("192.0.2.1")
    assert [(each.setting, each.subject, each.error) for each in failures] == [
        ("remote_address_filter", "192.0.2.1", error)
    ]
