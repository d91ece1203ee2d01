from rtcpeer.rtp.keyframe_requests import KeyframeRequests, RequestKind

BOTH = frozenset({"nack pli", "ccm fir"})


def test_one_request_an_interval():
    requests = KeyframeRequests(0.3)
    assert requests.request(BOTH, 1.0) is None
    requests.is_wanted = True
    assert requests.request(BOTH, 1.0) is RequestKind.PLI
    assert requests.due is None
    requests.is_wanted = True
    assert requests.due == 1.3
    assert requests.request(BOTH, 1.2) is None
    assert requests.request(BOTH, 1.3) is RequestKind.PLI
    assert requests.counts[RequestKind.PLI] == 2


def test_each_fir_has_a_number_of_its_own():
    requests = KeyframeRequests(0.0)
    numbers = []
    for now in range(3):
        requests.is_wanted = True
        assert requests.request(frozenset({"ccm fir"}), now) is RequestKind.FIR
        numbers.append(requests.fir_number)
    assert len(set(numbers)) == 3


def test_what_was_not_agreed_on_is_not_asked_again_and_again():
    requests = KeyframeRequests(0.3)
    requests.is_wanted = True
    assert requests.request(frozenset(), 1.0) is None
    assert not requests.is_wanted
