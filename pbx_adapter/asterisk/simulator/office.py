"""The people, lines and rights of the simulated office, as plain data, and the office of the demonstration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Phone:
    extension: str
    name: str


@dataclass(frozen=True, slots=True)
class Client:
    """
    Somebody outside. They answer the office's calls after `answers_after` seconds (None: they let it ring), and hang up
    `talks_for` seconds later (None: they leave that to the office). `presses`: keys, one during each message of a
    campaign; `is_machine`: what answers is taken for one by AMD().
    """

    number: str
    name: str
    answers_after: float | None = 3.0
    is_busy: bool = False
    talks_for: float | None = None
    presses: str = ""
    is_machine: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """`app_queue` with strategy ringall; members ring `timeout` seconds, then again after `retry`."""

    name: str
    members: tuple[str, ...]
    extension: str = ""  # phones dial it
    timeout: float = 20.0
    retry: float = 1.0


@dataclass(frozen=True, slots=True)
class RingStep:
    extensions: tuple[str, ...]
    seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class QueueStep:
    queue: str


@dataclass(frozen=True, slots=True)
class Line:
    """A DID and the office's own route for it, whose steps run until somebody answers."""

    did: str
    steps: tuple[RingStep | QueueStep, ...]


@dataclass(frozen=True, slots=True)
class AmiUser:
    """A section of manager.conf. `read` and `write`: its classes."""

    name: str
    secret: str = field(repr=False)
    read: frozenset[str] = frozenset({"system", "call", "agent", "user", "cdr", "dialplan", "reporting"})
    write: frozenset[str] = frozenset({"system", "call", "agent", "originate", "reporting"})


@dataclass(frozen=True, slots=True)
class Office:
    phones: tuple[Phone, ...]
    clients: tuple[Client, ...]
    queues: tuple[Queue, ...]
    lines: tuple[Line, ...]
    company_number: str = "74950000001"

    def phone(self, extension: str) -> Phone | None:
        return next((p for p in self.phones if p.extension == extension), None)

    def client(self, number: str) -> Client:
        """The client with this number; if there is none, a stranger with default behaviour."""
        return next((c for c in self.clients if c.number == number), Client(number, ""))

    def queue(self, name: str) -> Queue | None:
        """The queue with this name or extension."""
        return next((q for q in self.queues if name and name in (q.name, q.extension)), None)

    def line(self, did: str) -> Line | None:
        """The line with this number. If the number ends in an extension, it is the direct number of that phone."""
        own = next((p for p in self.phones if did.endswith(p.extension)), None)
        default = Line(did, (RingStep((own.extension,)),)) if own else None
        return next((line for line in self.lines if line.did == did), default)


DEMO_OFFICE = Office(
    phones=(
        Phone("101", "Anna Orlova"),
        Phone("102", "Boris Petrov"),
        Phone("103", "Vera Kim"),
        Phone("104", "Gleb Ivanov"),
    ),
    clients=(
        Client("79161234567", "Пётр Сидоров"),
        Client("79261112222", "Мария Волкова"),
        Client("79161112233", "ООО «Ромашка»"),
        Client("79161112244", "Всегда занято", is_busy=True),
        Client("79165550011", "Не берёт трубку", answers_after=None),
    ),
    queues=(
        Queue("sales", ("101", "102", "103"), "200"),
        Queue("support", ("102", "103", "104"), "300", timeout=6.0),
    ),
    lines=(
        Line("74950000001", (RingStep(("101",)),)),
        Line("74950000002", (QueueStep("sales"),)),
        Line("74950000003", (QueueStep("support"),)),
        Line("74950000004", (RingStep(("101",), 10.0), QueueStep("sales"))),
        Line("74950000010", (RingStep(("101", "102", "103")),)),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """
    How the simulated PBX runs. It listens on the loopback only.

    Args of the constructor:
        ami_port, control_port: 0 lets the system choose; `control_port` None: no HTTP control.
        agi: Dozvon's `agi://host:port/name`, the DOZVON_AGI of the dialplan; None: the include is not installed.
        spool: the folder for recordings.
        logs: the folder for CDR and CEL, like Asterisk's log folder; None: they are not written.
        pbx_spool: the path of `spool` in the PBX's events; None: `spool` itself.
        speed: seconds of the office per second of the wall clock; 50 for a fast load test.
        seed: determines all background traffic.
        traffic_per_minute: calls of the background traffic; 0: none.
    """

    office: Office = DEMO_OFFICE
    users: tuple[AmiUser, ...] = (AmiUser("dozvon", "dozvon-secret"),)
    ami_port: int = 0
    control_port: int | None = 0
    agi: str | None = None
    agi_patience: float = 3.0
    spool: Path
    logs: Path | None = None
    pbx_spool: str | None = None
    speed: float = 1.0
    seed: int = 1
    traffic_per_minute: float = 0.0
    version: str = "11.0.0"  # of the manager protocol, as in Asterisk 22
    ssl_cert: Path | None = None  # a PEM with certificate and key: AMI over TLS
