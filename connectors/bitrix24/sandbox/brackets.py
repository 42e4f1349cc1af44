"""PHP's form notation: reads `filter[>ID]=5&select[]=ID` into a tree, writes `data[FIELDS][ID]=89` for events.

Pure. `parameters.py` gives the values their types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_KEY = re.compile(r"\[([^\]]*)\]")
_DEPTH = 12


def parse(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """
    Read pairs into nested mappings, and into lists where the keys of a mapping are 0, 1, 2, …

    Never raises: a key that contradicts an earlier one replaces it; one that is too deep is left out.
    """
    tree: dict[str, Any] = {}
    for key, value in pairs:
        head, _, rest = key.partition("[")
        steps = [head, *_KEY.findall("[" + rest)] if rest else [head]
        if len(steps) <= _DEPTH:
            _put(tree, steps, value)
    return {name: _listed(value) for name, value in tree.items()}


def _put(tree: dict[str, Any], steps: list[str], value: str) -> None:
    node = tree
    for step in steps[:-1]:
        name = step or str(len(node))
        child = node.get(name)
        if not isinstance(child, dict):
            child = node[name] = {}
        node = child
    node[steps[-1] or str(len(node))] = value


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    values = {name: _listed(value) for name, value in node.items()}
    if values and list(values) == [str(index) for index in range(len(values))]:
        return list(values.values())
    return values


def flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Pairs for a form body, as PHP's `http_build_query` writes them: true is 1, false 0, null is absent."""
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
