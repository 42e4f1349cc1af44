"""The simulated PBX's dialplan as files: what `GetConfig`, `CreateConfig`, `UpdateConfig` and `Reload` work on.

Only what a setup writes is really read again: the contexts of Dozvon's include, and the address in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pbx_adapter.asterisk.simulator.ami import Answer, Request, error, header, success
from pbx_adapter.asterisk.simulator.switch import Headers


class Step(NamedTuple):
    """One priority of the dialplan."""

    extension: str
    application: str = "NoOp"
    data: str = ""


OWN_CONTEXTS: Mapping[str, Sequence[Step]] = {
    "from-trunk": (Step("_X!", "MixMonitor", "${REC},b"), Step("_X!", "Goto", "did,${EXTEN:-2},1")),
    "did": tuple(Step(number, "Dial", "PJSIP/101,15") for number in ("01", "02", "03", "04", "10")),
    "internal": tuple(Step(each, "Goto", "ext,${EXTEN},1") for each in ("_1XX", "200", "_7XXXXXXXXXX", "_8XXXXXXXXXX")),
    "ext": (Step("_1XX", "Dial", "PJSIP/${EXTEN},15"),),
    "outbound": (Step("_7XXXXXXXXXX", "Dial", "PJSIP/${EXTEN}@trunk,20"),),
    "result": (Step("s-BUSY", "Busy", "1"), Step("_s-.", "Hangup", "${HANGUPCAUSE}")),
}
_BY_HAND: Mapping[str, Sequence[Step]] = {
    name: (Step("s"),) for name in ("dozvon-inbound", "dozvon-freepbx", "dozvon-campaign", "dozvon-doctor")
}
_MAIN = "extensions.conf"
_CUSTOM = "extensions_custom.conf"  # read after it where it exists, as FreePBX does
_ADDRESS = re.compile(r"Set\(DOZVON_AGI=(.*)\)")

Category = tuple[str, list[tuple[str, str]]]


class DialplanFiles:
    """
    Attributes:
        agi: where the dialplan asks Dozvon now; None: the include is not loaded.
    """

    def __init__(self, agi: str | None) -> None:
        """`agi`: the include was brought by hand and asks there; None: there is none yet."""
        self.agi = agi
        self._was_by_hand = agi is not None
        self._files: dict[str, list[Category]] = {_MAIN: [(name, []) for name in OWN_CONTEXTS]}
        self._loaded: dict[str, list[Step]] = {}

    @property
    def contexts(self) -> dict[str, Sequence[Step]]:
        """The dialplan as it is loaded."""
        return {**OWN_CONTEXTS, **(_BY_HAND if self._was_by_hand else {}), **self._loaded}

    def get(self, request: Request) -> Answer:
        name = header(request, "Filename")
        if name not in self._files:
            return error("Config file not found")
        told: Headers = [("Response", "Success")]
        for number, (category, lines) in enumerate(self._effective(name)):
            told.append((f"Category-{number:06d}", category))
            for place, (variable, value) in enumerate(lines):
                told.append((f"Line-{number:06d}-{place:06d}", f"{variable}={value}"))
        return told, []

    def create(self, request: Request) -> Answer:
        name = header(request, "Filename")
        if not re.fullmatch(r"[\w.-]+\.conf", name):
            return error("File requires escalated priveledges")  # as Asterisk spells it
        self._files[name] = []
        return success("New configuration file created successfully")

    def update(self, request: Request) -> Answer:
        source, target = header(request, "SrcFilename"), header(request, "DstFilename")
        if source not in self._files or target not in self._files:
            return error("Config file not found")
        config = [(name, list(lines)) for name, lines in self._files[source]]
        number = 0
        while action := header(request, f"Action-{number:06d}"):
            category = header(request, f"Cat-{number:06d}")
            variable, value = header(request, f"Var-{number:06d}"), header(request, f"Value-{number:06d}")
            number += 1
            there = [lines for name, lines in config if name == category]
            match action.lower():
                case "newcat" if not there:
                    config.append((category, []))
                case "delcat" if there:
                    config = [each for each in config if each[0] != category]
                case "append" if there:
                    there[0].append((variable, value.removeprefix(">")))
                case _:
                    return error(f"{action} did not complete successfully")
        self._files[target] = config
        return [("Response", "Success")], []

    def include(self, name: str) -> None:
        """An administrator writes the line `#include` into the office's own file."""
        self._files[_MAIN].append(("by-hand", [(f"#include {name}", "")]))

    def reload(self) -> Answer:
        read = self._effective(_MAIN) + (self._effective(_CUSTOM) if _CUSTOM in self._files else [])
        self._loaded = {
            name: [_step(value) for _, value in lines] for name, lines in read if name.startswith("dozvon-")
        }
        if not self._was_by_hand:
            office = [step for step in self._loaded.get("dozvon-office", ()) if step.application == "Set"]
            found = [m.group(1) for step in office if (m := _ADDRESS.fullmatch(f"Set({step.data})"))]
            self.agi = found[0] if found else None
        return success("Module Reloaded")

    def _effective(self, name: str) -> list[Category]:
        """With what it includes. A variable that begins with `#include` and ends in `;` is read as that directive."""
        found: list[Category] = []
        for category, lines in self._files[name]:
            found.append((category, [line for line in lines if not line[0].startswith("#include ")]))
            for variable, _ in lines:
                if variable.startswith("#include "):
                    found += self._effective(variable.removeprefix("#include ").rstrip("; "))
        return found


def _step(value: str) -> Step:
    """`s,1,Set(A=b)` and `n,Set(A=b)`."""
    match = re.fullmatch(r"(?:(\w+),1|n(?:\(\w+\))?),(\w+)\((.*)\)", value)
    return Step(match.group(1) or "s", match.group(2), match.group(3)) if match else Step("s")
