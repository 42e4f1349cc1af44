"""Parses names of channels (`PJSIP/101-0000000a`) and arguments of Dial (`79161112244@trunk`).

`office.py` decides whose channel it is (an employee's, a trunk's). The forms come from the channel drivers
(`ast_channel_alloc` in each driver's source); all are in the tables of `tests/unit/test_names.py`.
"""

from __future__ import annotations

import re
from functools import lru_cache

PORTS = frozenset({"DAHDI", "Zap", "mISDN", "Khomp", "Phone", "vpb", "CAPI", "Dongle", "Quectel"})
"""Technologies whose channels are named after a port of a card or an ISDN span (`DAHDI/12-1`, `DAHDI/i1/7916…-3`)."""

_LONG = r"-[0-9A-Fa-f]{6,}"
_SHORT = r"-[0-9A-Fa-f]{4,}"
_SUFFIXES = {
    # A counter as eight hexadecimal digits, more on some builds, six in what old versions left in records. Shorter
    # ones are part of the endpoint's name: PJSIP/gsm-1 is what an Originate that failed calls the endpoint gsm-1.
    "PJSIP": _LONG,
    "SIP": _LONG,
    "LOCAL": _LONG,
    "SCCP": _LONG,  # chan-sccp prints capitals
    # GSM modems: the number of the call in decimals, then a random number in hexadecimals, written together.
    "DONGLE": _SHORT,
    "QUECTEL": _SHORT,
    "DATACARD": _SHORT,
    "MOBILE": _SHORT,
    # XMPP: sixteen random bits.
    "MOTIF": _SHORT,
    "GTALK": _SHORT,
    "JINGLE": _SHORT,
    "MISDN": r"-u\d+",
    "KHOMP": r"-[0-9A-Fa-f]+(?:\.\d+)?",  # B0C5-1.0: board and channel, then the call
    "USTM": r"-0x[0-9A-Fa-f]+",
    "UNICASTRTP": r"-0x[0-9A-Fa-f]+",
    "AUDIOSOCKET": r"-[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "CONSOLE": r"(?!)",  # Console/dsp has none
    "ALSA": r"(?!)",
    "PHONE": r"(?!)",
}
_ANY_SUFFIX = r"-(?:[0-9A-Fa-f]{8,}|(?=[A-Fa-f]*\d)[0-9A-Fa-f]+)"
"""For DAHDI, Zap, IAX2, OOH323, Skinny, MGCP, CAPI and unknown drivers: a hexadecimal number of any length. A short one
needs a digit, so that `Foo/anna-bad` stays `anna-bad`."""

_MARKS = re.compile(r"(?:<(?:ZOMBIE|MASQ)>)*$")  # Asterisk adds them to channels whose place another one has taken
_HALF = r"(?:;[12])?$"
_COMPILED = {tech: re.compile(suffix + _HALF) for tech, suffix in _SUFFIXES.items()}
_COMPILED_ANY = re.compile(f"(?:{_ANY_SUFFIX})?{_HALF}")


@lru_cache(maxsize=4096)  # a channel's name is asked about several times while it lives
def endpoint_of(channel: str) -> tuple[str, str]:
    """
    Split a channel's name into technology and endpoint; the endpoint's name may contain dashes.

    >>> endpoint_of("PJSIP/trunk-msk-0000001a")
    ('PJSIP', 'trunk-msk')
    >>> endpoint_of("Local/101@from-queue-00000002;1")
    ('Local', '101@from-queue')
    >>> endpoint_of("Dongle/dongle0-010000000a")
    ('Dongle', 'dongle0')
    """
    tech, _, rest = channel.partition("/")
    rest = _MARKS.sub("", rest)
    suffix = _COMPILED.get(tech.upper(), _COMPILED_ANY).search(rest)
    return tech, rest[: suffix.start()] if suffix else rest


def is_nameless(channel: str) -> bool:
    """Whether the endpoint's name is neither a number nor a place, so that the number it shows counts."""
    tech, endpoint = endpoint_of(channel)
    return tech in PORTS or ("/" not in endpoint and not endpoint.isdigit())


def dialled_number(dial_string: str, tech: str = "") -> str:
    """
    Find the number in an argument of Dial, with or without its technology; empty if there is none.

    The number comes last (`trunk/NUMBER`, even if the trunk's name is a number), except before the address of a
    registered phone (`101/sip:x7f3@10.0.0.5`), which says less than the phone's name.

    Args:
        tech: the technology of the dialled channel, if known: `12` of DAHDI is a port, not a number.

    >>> [dialled_number(text) for text in ("79037770000@trunk", "PJSIP/101", "101/sip:101@10.0.0.5:5060", "g0/8916")]
    ['79037770000', '101', '101', '8916']
    """
    parts = dial_string.partition("&")[0].removeprefix(f"{tech}/").split("/")
    if tech in PORTS and len(parts) == 1:
        return ""
    if len(parts) > 1 and _PHONE.fullmatch(parts[-2]) and _ADDRESS.match(parts[-1]):
        return parts[-2]
    for part in reversed(parts):
        user, at, _ = part.partition("@")
        match = _DIALLED.fullmatch(user)
        # Without a scheme, `user:secret@host` are the credentials at a peer.
        if match and not (at and match["options"]):
            return match["number"]
    return ""


_PHONE = re.compile(r"\d{2,6}")
_ADDRESS = re.compile(r"sips?:")
_DIALLED = re.compile(
    # What may stand before the number: a scheme, chan_dongle's treatment of other calls, CAPI's own number, pauses.
    r"(?:(?:sips?|tel|h323|holdother|conference|\+?\d+):)?[wW]*"
    r"(?P<number>\+?[\d*#]{2,})"
    # What may follow it: chan_sip's `!`, tones after a pause, and options after a colon (Khomp) that are no number.
    r"(?:!.*|[wW][\d*#wW]*|(?P<options>:(?!\+?[\d*#]+$).*))?"
)
