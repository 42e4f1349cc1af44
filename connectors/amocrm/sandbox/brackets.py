"""PHP bracket keys: reads `filter[id][]=1` from a query, writes `contacts[add][0][id]=1` into a webhook's body.

Pure. `listing.py` applies filters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_KEY = re.compile(r"\[([^\]]*)\]")
_DEPTH = 6  # no filter has deeper keys


def parse(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """
    Read keys into nested mappings of strings. `a[]` counts up, so `a[0]` and `a[]` both give `{"a": {"0": ...}}`.
    Never raises: a key that contradicts an earlier one replaces it.
    """
    tree: dict[str, Any] = {}
    for key, value in pairs:
        head, _, rest = key.partition("[")
        steps = [head, *_KEY.findall("[" + rest)] if rest else [head]
        if len(steps) > _DEPTH:
            continue
        node = tree
        for step in steps[:-1]:
            child = node.setdefault(step or str(len(node)), {})
            if not isinstance(child, dict):
                child = node[step] = {}
            node = child
        node[steps[-1] or str(len(node))] = value
    return tree


def values(node: Any) -> list[str]:
    """The values of a filter, given as a single string or a list."""
    if isinstance(node, dict):
        return [each for each in node.values() if isinstance(each, str)]
    return [] if node is None else [str(node)]


def ints(node: Any) -> set[int]:
    return {int(text) for text in values(node) if text.lstrip("-").isdigit()}


def flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """
    Pairs for a form body: lists become `[0]`, mappings `[key]`, values text. None and empty lists are left out.
    """
    if isinstance(tree, dict):
        entries: Iterable[tuple[Any, Any]] = tree.items()
    elif isinstance(tree, list):
        entries = enumerate(tree)
    else:
        yield prefix, "1" if tree is True else "0" if tree is False else str(tree)
        return
    for key, value in entries:
        if value is not None:
            yield from flatten(value, f"{prefix}[{key}]" if prefix else str(key))
