"""Local channels that forward nothing, callers' numbers rewritten on the way, and real forwarding for comparison."""

from __future__ import annotations

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.office import Office, did
from tests.lab.scenarios.people import CLIENT, inbound_talk, talk


async def door_optimized(office: Office, ami: AmiRecorder) -> None:
    """A line leads to 101 through a Local channel that goes away with the answer."""
    await inbound_talk(office, "101", 40)


async def door_two_deep(office: Office, ami: AmiRecorder) -> None:
    """A line leads to 101 through two Local channels that stay."""
    await inbound_talk(office, "101", 41)


async def door_mobile_first(office: Office, ami: AmiRecorder) -> None:
    """A line leads to a mobile through a Local channel, and to nobody before it."""
    office.carrier.answers(after_seconds=2)
    await talk(await office.inbound(CLIENT, did(42)))


async def door_department(office: Office, ami: AmiRecorder) -> None:
    """A department with the number 500 leads to 101 through a Local channel."""
    await inbound_talk(office, "101", 43)


async def caller_rewritten(office: Office, ami: AmiRecorder) -> None:
    """The caller's number and name are rewritten twice before 101 rings, which shows 5."""
    await inbound_talk(office, "101", 44)


async def caller_prefixed_queue(office: Office, ami: AmiRecorder) -> None:
    """The caller's number gets a technical prefix before the queue sales; 102 answers."""
    await inbound_talk(office, "102", 45)


async def forward_busy_colleague(office: Office, ami: AmiRecorder) -> None:
    """102 refuses and is forwarded to 103 when busy; 103 answers."""
    await office.asterisk.cli("database put fb 102 103")
    office.phone("102").rejects(486)
    await inbound_talk(office, "103", 46)


async def forward_busy_mobile(office: Office, ami: AmiRecorder) -> None:
    """102 refuses and is forwarded to a mobile when busy, which answers."""
    await office.asterisk.cli("database put fb 102 79031112233")
    office.phone("102").rejects(486)
    office.carrier.answers(after_seconds=2)
    await talk(await office.inbound(CLIENT, did(46)))


SCENARIOS = (
    door_optimized, door_two_deep, door_mobile_first, door_department, caller_rewritten, caller_prefixed_queue,
    forward_busy_colleague, forward_busy_mobile,
)  # fmt: skip
