"""What the doctor reports: checks as they are made, conclusions at the end, and both as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

__all__ = ["SCHEMA_VERSION", "Check", "Finding", "Json", "Report", "Status"]

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

# Of the JSON form. Fields may be added without a new version; none changes its meaning or goes without one.
SCHEMA_VERSION = 1


class Status(Enum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"  # works, with less than could be
    PROBLEM = "problem"  # calls will fail
    SKIPPED = "skipped"  # there was nothing to test it with


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    kind: str  # "interfaces", "dns", "stun", "nat", "ipv6", "turn" or "mdns"
    subject: str  # what of that kind: a URL, an address, an address family; may be empty
    status: Status
    summary: str  # a line
    notes: tuple[str, ...] = ()  # more lines
    seconds: float | None = None
    details: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """As an object of the report's ``checks``."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "status": self.status.value,
            "summary": self.summary,
            "notes": list(self.notes),
            "seconds": None if self.seconds is None else round(self.seconds, 4),
            "details": self.details,
        }


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it should be, what that means for calls, and what to do."""

    name: str  # stable, for programs: "udp-blocked"
    status: Status  # PROBLEM or WARNING
    title: str
    meaning: str
    advice: str

    def to_json(self) -> dict[str, Json]:
        """As an object of the report's ``findings``."""
        return {
            "name": self.name,
            "status": self.status.value,
            "title": self.title,
            "meaning": self.meaning,
            "advice": self.advice,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    version: str  # of rtcpeer
    servers: tuple[str, ...]
    nat: str | None  # what `rtcpeer.cli.nat_kind` calls it, over IPv4; None where it was not tested
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether nothing was found that calls will fail of."""
        return all(finding.status is not Status.PROBLEM for finding in self.findings)

    def to_json(self) -> dict[str, Json]:
        """The machine form; see docs/doctor.md."""
        return {
            "schema": SCHEMA_VERSION,
            "rtcpeer": self.version,
            "ok": self.is_good,
            "servers": list(self.servers),
            "nat": self.nat,
            "checks": [check.to_json() for check in self.checks],
            "findings": [finding.to_json() for finding in self.findings],
            "seconds": round(self.seconds, 4),
        }
