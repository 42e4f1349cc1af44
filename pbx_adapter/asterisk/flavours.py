"""The products built on Asterisk that administrators know by name, and where each keeps what Dozvon needs; pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pbx_adapter.asterisk.tracker.office import DEFAULT_TRUNK_CONTEXTS


class FlavourKey(StrEnum):
    """Stored in settings."""

    FREEPBX = "freepbx"
    ASTERISK = "asterisk"
    MIKOPBX = "mikopbx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """
    Attributes:
        manager_file, dialplan_file, globals_file: those that the product does not overwrite, without their folder.
        marks: contexts that only this product's dialplan has.
        phones_context: where phones dial.
        originate_channel: how an employee's phones are rung.
        trunk_contexts: pattern of the beginning of contexts that calls from outside enter.
        recordings: the folder of recordings, by its path on the PBX.
    """

    key: FlavourKey
    label: str
    manager_file: str = "manager.conf"
    dialplan_file: str = "extensions.conf"
    globals_file: str = "extensions.conf"
    marks: frozenset[str] = frozenset()
    phones_context: str = ""
    originate_channel: str = "PJSIP/{extension}"
    trunk_contexts: str = DEFAULT_TRUNK_CONTEXTS
    recordings: str = "/var/spool/asterisk/monitor"


PRODUCTS: dict[FlavourKey, Product] = {
    product.key: product
    for product in (
        # Source: FreePBX's dialplan and its modules' documentation; docs/howto/connect-freepbx.md.
        Product(
            key=FlavourKey.FREEPBX,
            label="FreePBX",
            manager_file="manager_custom.conf",
            dialplan_file="extensions_custom.conf",
            globals_file="globals_custom.conf",
            marks=frozenset({"from-internal-additional", "macro-dialout-trunk", "ext-did"}),
            phones_context="from-internal",
            originate_channel="Local/{extension}@from-internal",
        ),
        Product(key=FlavourKey.ASTERISK, label="Asterisk"),
        # Source: mikopbx/Core, src/Core/Asterisk/Configs: a provider's calls enter `<its id>-incoming`.
        Product(
            key=FlavourKey.MIKOPBX,
            label="MikoPBX",
            marks=frozenset({"all_peers", "internal-originate", "add-trim-prefix-clid", "set_from_peer"}),
            phones_context="all_peers",
            trunk_contexts=rf"(?:{DEFAULT_TRUNK_CONTEXTS})|[\w.-]+-incoming",
            recordings="/storage/usbdisk1/mikopbx/astspool/monitor",
        ),
    )
}


def product(key: str) -> Product:
    """The product of this name; plain Asterisk for an unknown one."""
    try:
        return PRODUCTS[FlavourKey(key)]
    except ValueError:
        return PRODUCTS[FlavourKey.ASTERISK]
