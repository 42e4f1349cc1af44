"""The doctor's network checks: can strangers read our AMI connection, and can they reach our FastAGI port?"""

from __future__ import annotations

from pathlib import Path

from integration.ports.findings import Finding, ok, warning
from pbx_adapter.asterisk.agi.addresses import Address, addresses_of, is_behind_router, own_address_towards
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
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
        return ok(about.AMI_NETWORK, texts.AMI_ENCRYPTED)
    # From a container every other machine is behind a router, Docker's.
    is_far = pbx is not None and is_behind_router(pbx) and not (_in_container() and pbx.is_private)
    if not is_far:
        return ok(about.AMI_NETWORK, texts.AMI_NEAR)
    return warning(about.AMI_NETWORK, texts.AMI_FAR(host=settings.host), texts.ENCRYPT_AMI)


def _fastagi(settings: AsteriskSettings, pbx: Address | None) -> Finding:
    host = settings.fastagi.host
    if host not in _EVERYWHERE:
        return ok(about.AGI_NETWORK, texts.AGI_LISTENS(host=host))
    if _in_container():
        return ok(about.AGI_NETWORK, texts.AGI_IN_CONTAINER)
    own = own_address_towards(pbx) if pbx is not None else None
    asks = ", ".join(settings.fastagi.allow) or settings.host
    advice = texts.BIND_AGI(own=str(own) if own else texts.REACHED_ADDRESS, port=settings.fastagi.port)
    return warning(about.AGI_NETWORK, texts.AGI_EVERYWHERE(asks=asks), advice)


def _in_container() -> bool:
    return any(mark.exists() for mark in _MARKS_OF_A_CONTAINER)
