"""The PBX's side of FastAGI: what Asterisk's `AGI(agi://host:port/path,args)` sends and accepts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from urllib.parse import urlsplit

from pbx_adapter.asterisk.simulator.switch import Channel

_COMMAND = re.compile(r'SET VARIABLE (\S+) (?:"((?:[^"\\]|\\.)*)"|(\S*))\s*$')


class AgiStatus(StrEnum):
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"  # nothing listens there


async def ask(
    address: str, channel: Channel, args: Sequence[str], set_variable: Callable[[str, str], None]
) -> AgiStatus:
    """
    Run one AGI session: send the header, then execute SET VARIABLE until the server closes.

    It has no deadline, like the real one: cancel it. Raises nothing but CancelledError.
    """
    parts = urlsplit(address)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 4573)
    except OSError:
        return AgiStatus.FAILURE
    try:
        writer.write(_head(address, parts.path.lstrip("/"), channel, args).encode())
        while line := await reader.readline():
            writer.write(_carry_out(line.decode("utf-8", "replace").strip(), set_variable))
            await writer.drain()
    except (OSError, ValueError):
        return AgiStatus.FAILURE
    finally:
        writer.close()
    return AgiStatus.SUCCESS


def _head(address: str, script: str, channel: Channel, args: Sequence[str]) -> str:
    values = {
        "network": "yes",
        "network_script": script,
        "request": address,
        "channel": channel.name,
        "language": "en",
        "type": "PJSIP",
        "uniqueid": channel.uniqueid,
        "version": "22.10.1",
        "callerid": channel.caller or "unknown",
        "calleridname": channel.caller_name or "unknown",
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": channel.dnid or "unknown",
        "rdnis": "unknown",
        "context": channel.context,
        "extension": channel.exten,
        "priority": str(channel.priority),
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "1",
        **{f"arg_{i}": value for i, value in enumerate(args, 1)},
    }
    return "".join(f"agi_{k}: {v}\n" for k, v in values.items()) + "\n"


def _carry_out(line: str, set_variable: Callable[[str, str], None]) -> bytes:
    if match := _COMMAND.match(line):
        name, quoted, bare = match.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        if array := re.fullmatch(r"ARRAY\((.*)\)", name):  # the function that sets several variables
            names = array[1].split(",")
            values = [*value.split(","), *[""] * len(names)]
            for each, one in zip(names, values, strict=False):
                set_variable(each, one)
        else:
            set_variable(name, value)
        return b"200 result=1\n"
    if line.upper().startswith(("NOOP", "VERBOSE")):
        return b"200 result=0\n"
    return b"510 Invalid or unknown command\n"
