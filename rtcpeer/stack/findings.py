"""What a diagnosis says: findings with a code for programs and sentences for people."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Finding", "FindingCode", "Severity"]


class Severity(StrEnum):
    """How much a finding explains."""

    PROBLEM = "problem"  # for this the connection is not where it is wanted
    WARNING = "warning"  # not as it should be, but not the cause
    WAITING = "waiting"  # nothing is wrong yet; this is what comes next
    NOTE = "note"


class FindingCode(StrEnum):
    """What is the matter. Codes stay; sentences may become better."""

    # The exchange of descriptions
    NOTHING_NEGOTIATED = "nothing-negotiated"
    NO_LOCAL_DESCRIPTION = "no-local-description"
    NO_REMOTE_DESCRIPTION = "no-remote-description"
    NOTHING_ACCEPTED = "nothing-accepted"
    DATA_CHANNEL_REFUSED = "data-channel-refused"

    # Our side
    NO_NETWORK = "no-network"
    NO_SOCKETS = "no-sockets"
    NO_LOCAL_CANDIDATES = "no-local-candidates"
    RELAY_POLICY_WITHOUT_TURN = "relay-policy-without-turn"
    UDP_BLOCKED = "udp-blocked"
    SERVER_UNREACHABLE = "server-unreachable"
    SERVER_REFUSED = "server-refused"
    TURN_CREDENTIALS_REFUSED = "turn-credentials-refused"

    # The peer's candidates
    NO_REMOTE_CANDIDATES = "no-remote-candidates"
    PEER_DOES_NOT_TRICKLE = "peer-does-not-trickle"
    PEER_HAS_NO_CANDIDATES = "peer-has-no-candidates"
    WRONG_GENERATION = "wrong-generation"
    MDNS_UNRESOLVED = "mdns-unresolved"
    NOTHING_TO_PAIR = "nothing-to-pair"

    # The checks
    CHECKING = "checking"
    UNROUTABLE = "unroutable"
    CREDENTIALS_MISMATCH = "credentials-mismatch"
    CHECKS_REFUSED = "checks-refused"
    ROLE_CONFLICT = "role-conflict"
    ASYMMETRIC_PATH = "asymmetric-path"
    ONE_WAY = "one-way"
    RELAY_NEEDED = "relay-needed"
    NO_DIRECT_PATH = "no-direct-path"
    NO_ANSWER = "no-answer"

    # The path
    PATH_SILENT = "path-silent"
    CONSENT_LOST = "consent-lost"
    ADDRESS_LOST = "address-lost"
    RELAY_LOST = "relay-lost"
    RELAYED = "relayed"
    NO_END_OF_CANDIDATES = "no-end-of-candidates"

    # What travels over it
    DTLS_HANDSHAKE = "dtls-handshake"
    DTLS_NO_ANSWER = "dtls-no-answer"
    DTLS_REFUSED_BY_PEER = "dtls-refused-by-peer"
    DTLS_FAILED = "dtls-failed"
    FINGERPRINT_MISMATCH = "fingerprint-mismatch"
    SCTP_NO_ANSWER = "sctp-no-answer"
    SCTP_FAILED = "sctp-failed"

    # What was negotiated about audio and video
    NO_SHARED_CODEC = "no-shared-codec"
    SECTION_REJECTED = "section-rejected"
    TRACK_NOT_NEGOTIATED = "track-not-negotiated"
    DIRECTION_KEEPS_TRACK = "direction-keeps-track"
    PEER_DOES_NOT_RECEIVE = "peer-does-not-receive"

    # What we send of it
    SENDER_WITHOUT_TRACK = "sender-without-track"
    TRACK_ENDED = "track-ended"
    ENCODINGS_INACTIVE = "encodings-inactive"
    TRACK_SILENT = "track-silent"
    NOTHING_SENT = "nothing-sent"
    PEER_REPORTS_NOTHING = "peer-reports-nothing"
    PEER_LOSES_PACKETS = "peer-loses-packets"
    QUALITY_LIMITED = "quality-limited"

    # What we receive of it
    SRTP_UNAUTHENTICATED = "srtp-unauthenticated"
    UNKNOWN_STREAM = "unknown-stream"
    NOTHING_RECEIVED = "nothing-received"
    TRACK_NOT_READ = "track-not-read"
    NO_KEYFRAME = "no-keyframe"
    DECODER_FAILS = "decoder-fails"
    PACKETS_LOST = "packets-lost"

    # The end
    CLOSED_HERE = "closed-here"
    CLOSED_BY_PEER = "closed-by-peer"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a look at the facts has shown."""

    code: FindingCode
    severity: Severity
    sentence: str
    advice: str = ""  # what to do about it
    evidence: tuple[str, ...] = ()  # what it was seen by

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"
