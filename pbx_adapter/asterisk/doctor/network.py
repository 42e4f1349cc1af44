"""The doctor's network checks: can strangers read our AMI connection, and can they reach our FastAGI port?"""

from __future__ import annotations

from pathlib import Path

from integration.ports.findings import Finding
from pbx_adapter.asterisk.agi.addresses import Address, addresses_of, is_behind_router, own_address_towards
from pbx_adapter.asterisk.doctor.findings import ok, warning
from pbx_adapter.asterisk.settings import AsteriskSettings

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104
_MARKS_OF_A_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))


async def network(settings: AsteriskSettings) -> list[Finding]:
    """Two findings. Never raises."""
    found = await addresses_of(settings.host)
    pbx = found[0] if found else None
    return [_ami(settings, pbx), _fastagi(settings, pbx)]


def _ami(settings: AsteriskSettings, pbx: Address | None) -> Finding:
    if settings.tls is not None:
        return ok("AMI network", "the manager connection is encrypted")
    # From a container every other machine is behind a router, Docker's.
    is_far = pbx is not None and is_behind_router(pbx) and not (_in_container() and pbx.is_private)
    if not is_far:
        return ok("AMI network", "the PBX is on this machine or in its network")
    return warning(
        "AMI network",
        f"the manager connection to {settings.host} leaves this network in plain text: anybody on the way can "
        "read every number and send commands",
        "write tlsenable = yes, tlsbindaddr = 0.0.0.0:5039 and tlscertfile = a certificate into [general] of "
        'manager.conf, and tls = { ca = "/etc/dozvon/pbx-ca.pem" } into Dozvon\'s configuration; or let a VPN carry it',
    )


def _fastagi(settings: AsteriskSettings, pbx: Address | None) -> Finding:
    host = settings.fastagi.host
    if host not in _EVERYWHERE or _in_container():
        return ok("FastAGI network", f"FastAGI listens at {host or 'the addresses of this container'}")
    own = own_address_towards(pbx) if pbx is not None else None
    asks = ", ".join(settings.fastagi.allow) or settings.host
    return warning(
        "FastAGI network",
        f"FastAGI listens on all addresses of this machine; only {asks} may ask, but strangers can connect",
        f'write fastagi.host = "{own or "the address that the PBX reaches"}", and let the firewall open '
        f"port {settings.fastagi.port} only to the PBX",
    )


def _in_container() -> bool:
    return any(mark.exists() for mark in _MARKS_OF_A_CONTAINER)
