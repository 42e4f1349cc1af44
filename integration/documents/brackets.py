"""Reads forms with PHP bracket keys, as CRMs written in PHP post them; pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from integration.errors import Rejected

_KEY = re.compile(r"[^\[\]]+(\[[^\[\]]*\])*")
_STEP = re.compile(r"\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class BracketForm:
    """
    Attributes:
        most_bytes: of a body; `most_pairs`: of its fields; `deepest`: brackets of a key.
    """

    most_bytes: int
    most_pairs: int
    deepest: int

    def read(self, body: bytes) -> dict[str, Any]:
        """
        Read `data[FIELDS][ID]=89` into nested dictionaries of texts. Numbers stay keys, because ids stand there, too,
        and a list would lose them. `a[b][]` gets the next number. A key that contradicts an earlier one is left out.

        Raises:
            Rejected: larger, deeper or with more fields than allowed; `code` is `size`, `depth` or `pairs`.
        """
        if len(body) > self.most_bytes:
            raise Rejected(f"The form is larger than {self.most_bytes} bytes", code="size")
        try:
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=self.most_pairs)
        except ValueError as exc:
            raise Rejected("The form has too many fields", code="pairs") from exc
        tree: dict[str, Any] = {}
        for key, value in pairs:
            self._insert(tree, key, value)
        return tree

    def _insert(self, tree: dict[str, Any], key: str, value: str) -> None:
        if key.count("[") > self.deepest:
            raise Rejected("The form is nested too deep", code="depth")
        if not _KEY.fullmatch(key):
            return
        steps = [key.partition("[")[0], *_STEP.findall(key)]
        node = tree
        for step in steps[:-1]:
            child = node.setdefault(step or str(len(node)), {})
            if not isinstance(child, dict):
                return
            node = child
        node.setdefault(steps[-1] or str(len(node)), value)
