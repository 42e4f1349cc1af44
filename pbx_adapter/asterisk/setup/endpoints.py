"""What an Asterisk says of its devices, by technology: endpoints, peers, ports and registrations, not yet judged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from integration.ports.pbx_setup import TrunkSign
from pbx_adapter.asterisk.ami.client import text
from pbx_adapter.asterisk.setup.asking import Asking
from pbx_adapter.asterisk.tracker.office import present

MOST_DEVICES = 12_000
_MOST_DETAILS = 700  # each is a question; those that may be trunks come first
_MOST_PORTS = 2_000
_NAME = re.compile(r'\s*"?([^"<]*)"?\s*(?:<.*>)?\s*')


@dataclass(slots=True)
class Endpoint:
    """
    Attributes:
        name: as channels are named after it.
        extension: of an employee, by its name; None if it does not look like one.
        label: the person's name, as far as the PBX has it.
        contacts: how many phones are registered with it.
        is_up: registered or reachable; None if the PBX does not say.
    """

    name: str
    technology: str
    extension: str | None
    context: str = ""
    label: str = ""
    contacts: int = 0
    is_up: bool | None = None
    signs: set[TrunkSign] = field(default_factory=set)


async def endpoints(asking: Asking) -> list[Endpoint]:
    """All devices. Raises: Unavailable (the link is lost)."""
    found = await _pjsip(asking)
    found += await _chan_sip(asking)
    found += await _iax(asking)
    found += await _dahdi(asking)
    return found


async def _pjsip(asking: Asking) -> list[Endpoint]:
    office = asking.settings.office
    rows = await asking.rows("PJSIPShowEndpoints", "EndpointList", most=MOST_DEVICES)
    registrations = await _pjsip_registrations(asking) if rows else []
    found: list[Endpoint] = []
    for row in rows:
        name = text(row, "ObjectName")
        if not name:
            continue
        contacts = [each for each in text(row, "Contacts").split(",") if each.strip()]
        endpoint = Endpoint(
            name=name,
            technology="PJSIP",
            extension=office.as_extension(name),
            contacts=len(contacts),
            is_up=bool(contacts) and text(row, "DeviceState") not in ("Unavailable", "Invalid"),
        )
        login = _names(text(row, "OutboundAuths"))
        if login:
            endpoint.signs.add(TrunkSign.LOGIN)
        if any(each.is_of(name, login) for each in registrations):
            endpoint.signs.add(TrunkSign.REGISTRATION)
        found.append(endpoint)
    await _pjsip_details(asking, found)
    return found


@dataclass(frozen=True, slots=True)
class _Registration:
    name: str
    endpoint: str
    logins: frozenset[str]

    def is_of(self, endpoint: str, logins: frozenset[str]) -> bool:
        """By the endpoint that it names, by its own name (FreePBX: the same; others: `reg-` before it), or by the login
        that both use."""
        own = re.sub(r"^(?:reg|registration)[-_]", "", self.name, flags=re.IGNORECASE)
        return endpoint in (self.endpoint, self.name, own) or not logins.isdisjoint(self.logins)


async def _pjsip_registrations(asking: Asking) -> list[_Registration]:
    rows = await asking.rows("PJSIPShowRegistrationsOutbound", "OutboundRegistrationDetail", most=_MOST_PORTS)
    return [
        _Registration(text(row, "ObjectName"), present(row.get("Endpoint")), _names(text(row, "OutboundAuth")))
        for row in rows
    ]


def _names(words: str) -> frozenset[str]:
    return frozenset(each.strip() for each in words.split(",") if each.strip())


async def _pjsip_details(asking: Asking, found: Sequence[Endpoint]) -> None:
    """Context, the person's name, and whether it is known by its address."""

    async def ask(endpoint: Endpoint) -> None:
        for row in await asking.rows("PJSIPShowEndpoint", most=100, Endpoint=endpoint.name):
            event = text(row, "Event")
            if event == "EndpointDetail":
                endpoint.context = present(row.get("Context"))
                endpoint.label = label_of(text(row, "Callerid"))
            elif event == "IdentifyDetail":
                endpoint.signs.add(TrunkSign.BY_ADDRESS)

    await asking.each(ask, _worth_a_question(found))


def _worth_a_question(found: Sequence[Endpoint]) -> list[Endpoint]:
    """What may be a trunk first."""
    askable = [each for each in found if _can_be_asked(each.name)]
    askable.sort(key=lambda each: (not each.signs and each.extension is not None, each.name))
    return askable[:_MOST_DETAILS]


def _can_be_asked(name: str) -> bool:
    return name.isprintable() and len(name) <= 128


def label_of(caller_id: str) -> str:
    """The name in `"Anna Orlova" <101>`; empty if there is none."""
    match = _NAME.fullmatch(caller_id)
    return match.group(1).strip() if match and caller_id != "<unknown>" else ""


async def _chan_sip(asking: Asking) -> list[Endpoint]:
    office = asking.settings.office
    rows = await asking.rows("SIPpeers", "PeerEntry", most=MOST_DEVICES)
    registry = await asking.rows("SIPshowregistry", "RegistryEntry", most=_MOST_PORTS) if rows else []
    hosts = {text(row, "Host") for row in registry} - {""}
    found = []
    for row in rows:
        name = text(row, "ObjectName")
        if not name:
            continue
        address, status = text(row, "IPaddress"), text(row, "Status")
        is_known = address not in ("", "-none-", "(Unspecified)", "(null)")
        endpoint = Endpoint(
            name=name,
            technology="SIP",
            extension=office.as_extension(name),
            label=present(row.get("Description")),
            contacts=int(is_known),
            is_up=status.startswith("OK") if status and status != "Unmonitored" else is_known,
        )
        if text(row, "Dynamic").lower() == "no":
            endpoint.signs.add(TrunkSign.BY_ADDRESS)
        if hosts and {address, text(row, "ToHost")} & hosts:
            endpoint.signs.add(TrunkSign.REGISTRATION)
        found.append(endpoint)

    async def ask(endpoint: Endpoint) -> None:
        peer = await asking.one("SIPshowpeer", Peer=endpoint.name)
        endpoint.context = present(peer.get("Context"))
        endpoint.label = endpoint.label or label_of(text(peer, "Callerid"))
        if hosts and text(peer, "ToHost") in hosts:
            endpoint.signs.add(TrunkSign.REGISTRATION)

    await asking.each(ask, _worth_a_question(found))
    return found


async def _iax(asking: Asking) -> list[Endpoint]:
    office = asking.settings.office
    found = []
    for row in await asking.rows("IAXpeerlist", "PeerEntry", most=_MOST_PORTS, optional=True):
        name = text(row, "ObjectName")
        if not name:
            continue
        endpoint = Endpoint(name=name, technology="IAX2", extension=office.as_extension(name))
        endpoint.is_up = text(row, "Status").startswith("OK") or None
        if text(row, "Dynamic").lower() == "no":
            endpoint.signs.add(TrunkSign.BY_ADDRESS)
        found.append(endpoint)
    return found


async def _dahdi(asking: Asking) -> list[Endpoint]:
    """Ports of cards. `FXS` signalling is for a line of the carrier, `FXO` for a phone. Source: chan_dahdi.conf."""
    found = []
    for row in await asking.rows("DAHDIShowChannels", "DAHDIShowChannels", most=_MOST_PORTS, optional=True):
        port = text(row, "DAHDIChannel") or text(row, "Channel")
        if not port or port == "pseudo":
            continue
        endpoint = Endpoint(name=f"DAHDI/{port}", technology="DAHDI", extension=None, context=text(row, "Context"))
        endpoint.is_up = text(row, "Alarm") in ("", "No Alarm", "OK")
        if not text(row, "Signalling").startswith("FXO"):
            endpoint.signs.add(TrunkSign.PORT)
        found.append(endpoint)
    return found
