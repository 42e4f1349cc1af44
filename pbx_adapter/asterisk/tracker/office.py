"""Decides which channel is an employee's phone and which leads outside.

Asterisk does not know this, so it is concluded from several signs, the most reliable first. The settings in
`OfficeShape` overrule every conclusion. Nothing here keeps state.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from integration.errors import ConfigError
from pbx_adapter.asterisk.tracker.names import PORTS, endpoint_of, is_nameless

ABSENT = frozenset({"", "<unknown>", "(null)", "unknown"})
"""Values that mean "none" in AMI. Source: reference of AMI, "Wire", measured on 16.28 and 22.10.1."""

DEFAULT_EXTENSION = r"(?:9[09](?=\d{3,4}(?!\d)))?(\d{2,6})(?:[-_][A-Za-z]\w*)?"
"""An endpoint named like `101`, or `101-web` for the second phone of 101; group 1 is the extension. FreePBX calls the
browser's phone of 101 `99101`, and its mobile one `90101`: both are 101. An office with real extensions like `99101`
sets `extension_pattern`."""

DEFAULT_TRUNK_CONTEXTS = (
    r"from-(?:trunk|pstn|outside|external|provider|sip-external|dahdi|zaptel|digital|analog|isdn|gsm)"
    r"|(?:incoming|inbound|public|trunk|pstn|provider|carrier)"
)
"""How the context of an endpoint begins if its calls come from outside (FreePBX: `from-pstn`, `from-trunk-...`)."""


class PartyKind(Enum):
    EXTENSION = "extension"
    EXTERNAL = "external"
    LOCAL = "local"  # half of a Local pair: a doorway in the dialplan, no party
    NOBODY = "nobody"  # announcers, recorders and other helpers of Asterisk's own


@dataclass(frozen=True, slots=True)
class Party:
    kind: PartyKind
    number: str
    """The extension, or the outside number if known."""


@dataclass(frozen=True, slots=True)
class OfficeShape:
    """
    An administrator's settings about the PBX, for wrong conclusions.

    Attributes:
        trunks: endpoint names that are lines to the outside, whatever they look like; a port with or without its
            technology (`DAHDI/33`, `DAHDI/i1` for a whole ISDN span).
        extension: pattern of a whole endpoint name of an employee's phone; group 1 is the extension.
        trunk_contexts: pattern of the beginning of a context that calls from outside enter.
        did_variables: channel variables with the number that the client dialled.
        crm_variable: the variable in which our Originate passes the CRM's id of a click.
    """

    trunks: frozenset[str] = frozenset()
    extension: str = DEFAULT_EXTENSION
    trunk_contexts: str = DEFAULT_TRUNK_CONTEXTS
    did_variables: tuple[str, ...] = ("FROM_DID", "DID")
    crm_variable: str = "CRM_CALL_ID"

    @classmethod
    def from_words(cls, *, trunks: Iterable[str] = (), extension: str = DEFAULT_EXTENSION) -> OfficeShape:
        """
        Build one from an administrator's settings.

        Raises:
            ConfigError: the pattern is invalid, or has no group for the extension.
        """
        try:
            groups = re.compile(extension).groups
        except re.error as exc:
            raise ConfigError(f"the pattern of extensions {extension!r} is not a regular expression: {exc}") from None
        if groups < 1:
            raise ConfigError(f"the pattern of extensions {extension!r} needs a group (...) around the extension")
        return cls(trunks=frozenset(trunks), extension=extension)

    def party(self, channel: str, context: str, caller_number: str) -> Party:
        """Find whose channel this is, by its name, the context of its creation and the number it shows."""
        tech, endpoint = endpoint_of(channel)
        if tech == "Local":
            return Party(PartyKind.LOCAL, "")
        if tech in _HELPERS:
            return Party(PartyKind.NOBODY, "")
        shown = present(caller_number)
        outside = Party(PartyKind.EXTERNAL, shown)
        if self._is_trunk(tech, endpoint) or re.match(self.trunk_contexts, context):
            return outside
        extension = self.extension_of(channel)
        if extension is None and is_nameless(channel):
            # A phone that is not named after its number: `PJSIP/anna` showing 101, `DAHDI/12-1` showing 201.
            extension = self.as_extension(shown)
        return outside if extension is None else Party(PartyKind.EXTENSION, extension)

    def _is_trunk(self, tech: str, endpoint: str) -> bool:
        if not self.trunks:
            return False
        group = endpoint.partition("/")[0]
        return not self.trunks.isdisjoint((endpoint, f"{tech}/{endpoint}", group, f"{tech}/{group}"))

    def extension_of(self, channel: str) -> str | None:
        """
        The extension in the name of a channel or device: `PJSIP/101-0000000a`, `Local/101@from-queue`.

        Returns:
            None if the name has none: the number of a port (`DAHDI/12-1`) only says where a wire ends.
        """
        tech, endpoint = endpoint_of(channel)
        if tech in PORTS:
            return None
        return self.as_extension(endpoint.partition("@")[0] if tech == "Local" else endpoint)

    def as_extension(self, name: str) -> str | None:
        """The extension in an endpoint's name (or a dialled number); None if there is none."""
        match = re.fullmatch(self.extension, name)
        return match.group(1) if match else None


_HELPERS = frozenset({
    "Announcer", "Bridge", "BridgeParty", "CBAnn", "CBRec", "ConfBridgeRecorder", "Message", "MulticastRTP",
    "Recorder", "Surrogate", "Snoop", "Voicemail", "OutgoingSpoolFailed",
})  # fmt: skip


def present(value: object) -> str:
    """A header's value, or "" if AMI marks it as absent. Of a repeated header the first value counts."""
    if isinstance(value, str):
        return "" if value in ABSENT else value
    return present(value[0]) if isinstance(value, list) and value else ""
