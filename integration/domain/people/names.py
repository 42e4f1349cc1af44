"""Names as others wrote them, without what would change the text around them."""

from __future__ import annotations

_DIRECTION = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Unicode's embeddings, overrides and isolates: a name that ends in one turns round what stands beside it. The marks
U+200E and U+200F stay: names in Hebrew and Arabic need them, and they reach no further than themselves."""


def without_direction(name: str) -> str:
    return name.translate(_DIRECTION)
