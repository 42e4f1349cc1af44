"""Decodes text from a PBX: UTF-8, or else the code page of old Cyrillic gateways; pure.

Carriers, gateways and old phones send callers' names in CP1251. Asterisk passes these bytes on unchanged, together with
its own text in UTF-8. So each value is decoded separately, and a value that holds both is decoded piece by piece.
"""

from __future__ import annotations

import re

_PIECE = re.compile(
    # Certainly UTF-8: two Cyrillic letters, quotes, a dash or arrow (U+2xxx), an emoji. Not words in CP1251.
    rb"((?:[\xd0-\xd2][\x80-\xbf]){2,}|\xc2[\xab\xbb]|\xe2[\x80-\x9f][\x80-\xbf]|\xf0\x9f[\x80-\xbf]{2})"
)
_CUT_OFF = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")


def decoded(value: bytes) -> str:
    """
    The text of one value. Never raises: a byte that is invalid in both encodings becomes U+FFFD.

    A value that was cut in the middle of a UTF-8 character (Asterisk cuts names by bytes) loses that character.

    >>> decoded("Анна".encode()), decoded("Пётр".encode("cp1251"))
    ('Анна', 'Пётр')
    """
    try:
        return value.decode()
    except UnicodeDecodeError:
        pass
    whole = _CUT_OFF.sub(b"", value)
    try:
        text = whole.decode()
    except UnicodeDecodeError:
        text = ""
    if not text.isascii():
        return text
    pieces = _PIECE.split(value)  # pieces with an odd index are UTF-8
    return "".join(
        piece.decode("utf-8" if place % 2 else "cp1251", "replace") for place, piece in enumerate(pieces) if piece
    )
