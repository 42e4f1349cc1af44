"""Files of an Asterisk's configuration, read and written by AMI: `GetConfig`, `CreateConfig`, `UpdateConfig`.

`UpdateConfig` writes a file anew together with all that it includes, so it is used on files of our own only. A file is
written beside itself and copied over in one action, because an action holds 128 headers only, and a reload may come at
any moment. `route_writing.py` has what was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from integration.errors import NotFound
from pbx_adapter.asterisk.ami.client import AmiSession
from pbx_adapter.asterisk.ami.commands import Action, question
from pbx_adapter.asterisk.ami.protocol import Frame

OPERATIONS = 24  # of an action: each takes five headers at most, and Asterisk reads 128
SECONDS = 20.0
NEEDED = ("GetConfig", "UpdateConfig", "CreateConfig", "Reload")
"""The actions that writing takes: the class `config`, and `system` for the reload."""
INCLUDE_CONTEXT = "dozvon-include"

Config = list[tuple[str, list[str]]]
"""A file as Asterisk reads it: categories in order, each with its lines `name=value`."""

Operation = tuple[tuple[str, str], ...]


async def may_write(session: AmiSession) -> bool:
    allowed, _ = await session.ask(question("ListCommands"))
    return all(name in allowed for name in NEEDED)


async def read(session: AmiSession, file: str) -> Config | None:
    """None: there is no such file. Raises: Rejected (it cannot be read)."""
    try:
        answer, _ = await session.ask(question("GetConfig", Filename=file), timeout_seconds=SECONDS)
    except NotFound:
        return None
    return _parsed(answer)


def _parsed(answer: Frame) -> Config:
    config: Config = []
    for name, value in answer.items():
        first = value if isinstance(value, str) else value[0]
        if name.startswith("Category-"):
            config.append((first, []))
        elif name.startswith("Line-") and config:
            config[-1][1].append(first)
    return config


async def write_own(session: AmiSession, file: str, operations: Sequence[Operation], *, is_new: bool) -> None:
    """A file of ours, by the operations that make it from nothing. Raises: Rejected, Unavailable."""
    beside = file.replace(".conf", "_new.conf")
    there = await read(session, beside)
    if there is None:
        await _create(session, beside)
    elif there:
        await _update(session, beside, [operation("DelCat", name) for name, _ in there])
    await _update(session, beside, operations)
    if is_new:
        await _create(session, file)
    headers = (("SrcFilename", beside), ("DstFilename", file))
    await session.ask(Action("UpdateConfig", headers, changes=True), timeout_seconds=SECONDS)


async def create_including(session: AmiSession, host: str, include_line: str) -> None:
    """A new file that includes ours, where the office's configuration looks for it. Raises: Rejected, Unavailable."""
    await _create(session, host)
    variable = (("Var", f"{include_line} ;"), ("Value", ""))
    append = (("Action", "Append"), ("Cat", INCLUDE_CONTEXT), *variable)
    await _update(session, host, [operation("NewCat", INCLUDE_CONTEXT), append])


async def reload(session: AmiSession, module: str) -> None:
    await session.ask(Action("Reload", (("Module", module),), changes=True), timeout_seconds=SECONDS)


def operation(action: str, category: str, line: str = "") -> Operation:
    """`exten => s,1,…` is the variable `exten` with the value `>s,1,…`: the sign says that it is an object."""
    named = (("Action", action), ("Cat", category))
    if not line:
        return named
    name, sign, value = line.partition("=>")
    if not sign:
        name, _, value = line.partition("=")
        return (*named, ("Var", name.strip()), ("Value", value.strip()))
    return (*named, ("Var", name.strip()), ("Value", f">{value.strip()}"))


async def _create(session: AmiSession, file: str) -> None:
    await session.ask(Action("CreateConfig", (("Filename", file),), changes=True), timeout_seconds=SECONDS)


async def _update(session: AmiSession, file: str, operations: Sequence[Operation]) -> None:
    for start in range(0, len(operations), OPERATIONS):
        headers = [("SrcFilename", file), ("DstFilename", file)]
        for number, each in enumerate(operations[start : start + OPERATIONS]):
            headers += [(f"{name}-{number:06d}", value) for name, value in each]
        await session.ask(Action("UpdateConfig", tuple(headers), changes=True), timeout_seconds=SECONDS)
