"""ICE restarts of agents, from either side and from both at once: there is a path at every moment."""

import random

import pytest

from rtcpeer.ice import GenerationRetired, IceState, Restarted
from tests.unit.ice.network import Network, Node, agree, connect_hosts, host


class Signalling:
    """Carries credentials and candidates in order, each message as late as it likes; there are no offers and answers.

    Who is handed new credentials of the peer's answers with new ones of its own, unless it has just told new ones. As
    nothing pairs answers with what they answer, nobody restarts again before it has one.
    """

    def __init__(self, network: Network, dice: random.Random, a: Node, b: Node) -> None:
        self.network, self.dice = network, dice
        self.other = {id(a): b, id(b): a}
        self.busy_until = {id(a): 0.0, id(b): 0.0}
        self.alternatives = {id(node): next(iter(node.hosts)) for node in (a, b)}

    def restart(self, node: Node) -> None:
        if node.agent.is_restart_pending:
            return
        node.agent.restart()
        self.tell(node)

    def tell(self, node: Node) -> None:
        """What the newest generation has to say."""
        agent = node.agent
        agent.add_local_candidate(host(self.alternatives[id(node)]))
        agent.end_of_local_candidates()
        parameters, candidates = agent.local_parameters, agent.local_candidates
        moment = max(self.busy_until[id(node)], self.network.now) + self.dice.random() * 0.3
        self.busy_until[id(node)] = moment
        self.network.at(moment, lambda: self.hear(self.other[id(node)], parameters, candidates))

    def hear(self, node: Node, parameters, candidates) -> None:
        before = node.agent.local_parameters
        node.agent.set_remote_parameters(parameters)
        for candidate in candidates:
            node.agent.add_remote_candidate(candidate)
        node.agent.end_of_remote_candidates(parameters.username_fragment)
        if node.agent.local_parameters != before:
            self.tell(node)


def connected(seed: int, **network) -> tuple[Network, Node, Node]:
    net = Network(seed, **network)
    a, b = connect_hosts(net)
    assert net.run(30, lambda: agree(a, b) and a.agent.state is b.agent.state is IceState.COMPLETED)
    return net, a, b


def is_settled(a: Node, b: Node) -> bool:
    """Whether each knows the other's present credentials, and nothing of another generation is left."""
    return (
        agree(a, b)
        and a.agent.local_parameters == b.agent.remote_parameters
        and b.agent.local_parameters == a.agent.remote_parameters
        and all(len(list(node.agent._sessions)) == 1 for node in (a, b))
    )


@pytest.mark.parametrize("loss", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(25))
def test_there_is_a_path_at_every_moment(seed, loss):
    dice = random.Random(seed)
    network, a, b = connected(seed, loss=loss, jitter=0.02)
    signalling = Signalling(network, dice, a, b)
    controlling = a.agent.is_controlling
    for _ in range(dice.randrange(1, 5)):
        for node in dice.choice([(a,), (b,), (a, b)]):
            network.at(network.now + dice.random() * 0.5, lambda node=node: signalling.restart(node))
    gaps = []

    def is_done() -> bool:
        gaps.extend(node for node in (a, b) if node.agent.send_path() is None)
        return network.now > 1000 and not network._queue and is_settled(a, b)

    network.run(0.6, lambda: gaps.extend(node for node in (a, b) if node.agent.send_path() is None) or False)
    assert network.run(120, is_done)
    assert gaps == []
    assert a.agent.is_controlling == controlling != b.agent.is_controlling
    for node in (a, b):
        states = [state for _, state in node.states()]
        assert states[-1] is IceState.COMPLETED
        assert not {IceState.FAILED, IceState.CHECKING} & set(states[2:])
        begun = [event.local for _, event in node.events if isinstance(event, Restarted)]
        ended = [event.local for _, event in node.events if isinstance(event, GenerationRetired)]
        assert len(begun) == len(ended) >= 1
        assert begun[-1] == node.agent.local_parameters
        assert set(begun[:-1]) <= set(ended)


@pytest.mark.parametrize("seed", range(25))
def test_restarts_at_any_moment_of_the_first_connection(seed):
    dice = random.Random(seed)
    network = Network(seed, loss=0.1, jitter=0.02)
    a, b = connect_hosts(network)
    signalling = Signalling(network, dice, a, b)
    for _ in range(dice.randrange(1, 4)):
        node = dice.choice((a, b))
        network.at(network.now + dice.random() * 0.3, lambda node=node: signalling.restart(node))
    network.run(0.3)
    assert network.run(120, lambda: not network._queue and is_settled(a, b))
    network.run(30)
    assert a.agent.state is b.agent.state is IceState.COMPLETED
    assert a.agent.is_controlling != b.agent.is_controlling


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("moment", [2, 10, 50])
def test_hosts_that_have_moved_find_each_other(seed, moment):
    """Before it is noticed, when it is noticed, and after the failure; the old addresses are gone."""
    dice = random.Random(seed)
    network, a, b = connected(seed, jitter=0.02)
    moved = (a,) if seed % 2 else (a, b)
    signalling = Signalling(network, dice, a, b)
    gone = set()
    for node, address in zip(moved, ("198.51.100.1", "198.51.100.2"), strict=False):
        gone |= node.hosts
        node.hosts = frozenset({address})
        signalling.alternatives[id(node)] = address
    network.drop = lambda source, destination, data: source.host in gone or destination.host in gone
    network.run(moment)
    expected = {2: IceState.COMPLETED, 10: IceState.DISCONNECTED, 50: IceState.FAILED}[moment]
    assert a.agent.state is b.agent.state is expected
    signalling.restart(dice.choice((a, b)))
    assert network.run(60, lambda: is_settled(a, b))
    network.run(5)
    for node in (a, b):
        states = [state for _, state in node.states()]
        assert states[-1] is IceState.COMPLETED
        if expected is not IceState.COMPLETED:
            assert states[states.index(expected) :][:3] == [expected, IceState.CHECKING, IceState.CONNECTED]


def test_consent_is_kept_on_the_old_path_while_a_restart_waits():
    network, a, b = connected(1)
    a.agent.restart()
    network.run(100)
    assert a.agent.send_path() is not None
    assert b.agent.send_path() is not None
    assert a.agent.state is IceState.CONNECTED
    assert b.agent.state is IceState.COMPLETED
    assert a.agent.roll_back()
    network.run(1)
    assert a.agent.state is IceState.COMPLETED
    assert not a.agent.is_restart_pending


def test_the_path_dies_while_a_restart_waits_and_the_restart_saves_the_connection():
    network, a, b = connected(1)
    a.agent.restart()
    gone = set(a.hosts)
    a.hosts = frozenset({"198.51.100.1"})
    network.drop = lambda source, destination, data: source.host in gone or destination.host in gone
    network.run(100)
    assert a.agent.state is b.agent.state is IceState.FAILED
    assert a.agent.send_path() is None
    signalling = Signalling(network, random.Random(1), a, b)
    signalling.alternatives[id(a)] = "198.51.100.1"
    signalling.tell(a)
    assert network.run(60, lambda: is_settled(a, b))


def test_taken_back_after_the_path_has_died_it_has_failed():
    network, a, _ = connected(1)
    network.is_cut = True
    network.run(10)
    a.agent.restart()
    assert a.agent.state is IceState.CHECKING
    network.run(100)
    assert a.agent.state is IceState.FAILED
    assert a.agent.roll_back()
    assert a.agent.state is IceState.FAILED
    assert a.agent.next_timeout() is None


def test_taken_back_while_disconnected_it_is_so_again():
    network, a, _ = connected(1)
    network.is_cut = True
    network.run(10)
    a.agent.restart()
    assert a.agent.roll_back()
    assert a.agent.state is IceState.DISCONNECTED
    network.is_cut = False
    network.run(10)
    assert a.agent.state is IceState.COMPLETED


def test_a_restart_that_fails_leaves_the_path_that_works():
    network, a, b = connected(1)
    signalling = Signalling(network, random.Random(1), a, b)
    signalling.alternatives = {id(a): "198.51.100.1", id(b): "198.51.100.2"}  # where nobody is
    signalling.restart(a)
    network.run(200)
    for node in (a, b):
        assert node.agent.state is IceState.CONNECTED
        path = node.agent.send_path()
        assert path is not None
        assert path[0].host in node.hosts
    network.is_cut = True
    network.run(100)
    assert a.agent.state is b.agent.state is IceState.FAILED


def test_a_role_conflict_in_a_restart_is_settled_for_all_generations():
    network, a, b = connected(1)
    signalling = Signalling(network, random.Random(1), a, b)
    signalling.restart(a)
    b.agent.set_role(is_controlling=True)
    assert network.run(60, lambda: is_settled(a, b))
    assert a.agent.is_controlling != b.agent.is_controlling
