"""What an administrator enters on the PBX so that Dozvon may log in: text and forms, per product. Only the secret is
not worked out from what is given."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from integration.ports.pbx_setup import Flavour, FormField, Preparation, SetupStep
from pbx_adapter.asterisk.doctor.rights import READ, RIGHTS, WRITE
from pbx_adapter.asterisk.flavours import PRODUCTS, FlavourKey, Product, product
from pbx_adapter.asterisk.settings import AMI_PORT, AMI_TLS_PORT
from pbx_adapter.asterisk.setup import texts

FLAVOURS = tuple(Flavour(key=each.key.value, label=each.label) for each in PRODUCTS.values())
USERNAME = "dozvon"
_SECRET_BYTES = 24


def preparation(options: Mapping[str, Any], *, flavour: str, server_address: str) -> Preparation:
    """
    Args:
        options: those of the connection so far; what is there stays.
        flavour: the key of one of `FLAVOURS`.
        server_address: this server's address as the PBX sees it.
    """
    chosen = product(flavour)
    completed = _completed(options, chosen, server_address)
    steps = _STEPS[chosen.key](completed, _clean(server_address))
    return Preparation(options=completed, steps=steps)


def _completed(options: Mapping[str, Any], chosen: Product, server_address: str) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "port": AMI_TLS_PORT if options.get("tls") else AMI_PORT,
        "username": USERNAME,
        "flavour": chosen.key.value,
        "originate_channel": chosen.originate_channel,
    }
    if not _is_loopback(server_address):  # a PBX on another machine cannot reach the usual address of our FastAGI
        usual["fastagi"] = {"host": server_address}
    if chosen.phones_context:
        usual["originate_context"] = chosen.phones_context
    if chosen.key is FlavourKey.MIKOPBX:
        usual["trunk_contexts"] = chosen.trunk_contexts
    completed = {**usual, **{key: value for key, value in options.items() if value not in (None, "")}}
    completed["flavour"] = chosen.key.value
    if not completed.get("secret"):
        completed["secret"] = secrets.token_urlsafe(_SECRET_BYTES)
    return completed


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return True


def _asterisk(options: Mapping[str, Any], address: str) -> tuple[SetupStep, ...]:
    tls = bool(options.get("tls"))
    port = options["port"]
    general = f"[general]\nenabled = yes\nbindaddr = 0.0.0.0\nport = {port}"
    if tls:
        general = f"[general]\nenabled = yes\ntlsenable = yes\ntlsbindaddr = 0.0.0.0:{port}"
    file = "/etc/asterisk/manager.conf"
    return (
        SetupStep(says=texts.ADD_THE_BLOCK(), place=file, text=_block(options, address)),
        *_about_names(address),
        SetupStep(says=texts.GENERAL_OF_MANAGER(), place=file, text=general),
        SetupStep(says=texts.RELOAD_MANAGER(), command="asterisk -rx 'manager reload'"),
        SetupStep(says=texts.OPEN_THE_FIREWALL(port=port, address=address)),
    )


def _freepbx(options: Mapping[str, Any], address: str) -> tuple[SetupStep, ...]:
    form = (
        FormField(label="Manager Name", value=_clean(options["username"])),
        FormField(label="Manager Secret", value=_clean(options["secret"])),
        FormField(label="Deny", value="0.0.0.0/0.0.0.0"),
        FormField(label="Permit", value=_permit(address)),
        FormField(label="Write Timeout", value="5000"),
        FormField(label="Read", value=", ".join(READ)),
        FormField(label="Write", value=", ".join(WRITE)),
    )
    bind = (FormField(label="Asterisk Manager: Bind Address", value="0.0.0.0"),)  # noqa: S104
    return (
        SetupStep(says=texts.MAKE_A_MANAGER(), place="Settings → Asterisk Manager Users → Add Manager", form=form),
        *_about_names(address),
        SetupStep(says=texts.BIND_THE_MANAGER(), place="Settings → Advanced Settings", form=bind),
        SetupStep(says=texts.OPEN_THE_FIREWALL(port=options["port"], address=address), place="Connectivity → Firewall"),
    )


def _mikopbx(options: Mapping[str, Any], address: str) -> tuple[SetupStep, ...]:
    subnet = _permit(address).replace("/255.255.255.255", "/32")
    form = (
        FormField(label=texts.USER_NAME, value=_clean(options["username"])),
        FormField(label=texts.USER_PASSWORD, value=_clean(options["secret"])),
        FormField(label=texts.NETWORK_FILTER, value=texts.THE_FILTER_ABOVE),
        FormField(label=texts.READING, value=", ".join(READ)),
        FormField(label=texts.WRITING, value=", ".join(WRITE)),
    )
    return (
        SetupStep(
            says=texts.MIKO_FILTER(),
            place=texts.MIKO_FIREWALL_PAGE,
            form=(FormField(label=texts.SUBNET, value=subnet),),
        ),
        *_about_names(address),
        SetupStep(says=texts.MIKO_USER(), place=texts.MIKO_AMI_PAGE, form=form),
    )


_STEPS: Mapping[FlavourKey, Callable[[Mapping[str, Any], str], tuple[SetupStep, ...]]] = {
    FlavourKey.FREEPBX: _freepbx,
    FlavourKey.ASTERISK: _asterisk,
    FlavourKey.MIKOPBX: _mikopbx,
}


def _block(options: Mapping[str, Any], address: str) -> str:
    return "\n".join((
        f"[{_clean(options['username']).translate(_NO_BRACKETS)}]",
        f"secret = {_escaped(_clean(options['secret']))}",
        "deny = 0.0.0.0/0.0.0.0",
        f"permit = {_permit(address)}",
        RIGHTS,
        "writetimeout = 5000",
    ))  # fmt: skip


_NO_BRACKETS = str.maketrans("", "", "[]()")


def _permit(address: str) -> str:
    """As manager.conf reads it: an address with its mask. A name stays, and a step says to replace it."""
    try:
        network = ipaddress.ip_network(address, strict=False)
    except ValueError:
        return f"{address}/255.255.255.255"
    return f"{network.network_address}/{network.netmask if network.version == 4 else network.prefixlen}"


def _about_names(address: str) -> tuple[SetupStep, ...]:
    try:
        ipaddress.ip_network(address, strict=False)
    except ValueError:
        return (SetupStep(says=texts.NEEDS_AN_IP(address=address)),)
    return ()


def _clean(value: object) -> str:
    """In one line: a line end would begin a new setting of the file."""
    return "".join(c for c in str(value) if c.isprintable()).strip()


def _escaped(value: str) -> str:
    """A semicolon begins a comment in the PBX's files."""
    return value.replace(";", "\\;")
