"""Removes characters from names that would change the text around them."""

from __future__ import annotations

_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's embeddings, overrides and isolates: they can reverse the direction of the text beside a name. The marks
U+200E and U+200F stay: names in Hebrew and Arabic need them, and they affect only themselves."""

LONGEST_CREATED_NAME = 200
"""Of a contact, lead or deal that an employee makes from a card."""


def without_direction(name: str) -> str:
    return name.translate(_DIRECTION)
