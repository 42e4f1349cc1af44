"""`dozvon recover`: compares the PBX's own records with the journal now, whether or not Dozvon is running."""

from __future__ import annotations

import argparse
import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from integration import logs
from integration.domain.calls.call import Call
from integration.domain.ids import Timestamp
from integration.errors import ConfigError
from integration.process import config
from integration.process.core import Core
from integration.process.recoveries import recoveries
from integration.services.recovery import Compared, Outcome

_AGO = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_COLUMNS = ("outcome", "started", "direction", "client", "employee", "result", "talk", "recording")
_BESIDE_SECONDS = 300.0  # newer calls are left to a running Dozvon, which knows the live ones


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="dozvon.toml")
    parser.add_argument("--since", required=True, metavar="WHEN", help="2026-11-22, 2026-11-22T06:30 or 36h, 7d, 90m")
    parser.add_argument("--until", metavar="WHEN", help="the same; by default five minutes ago")
    parser.add_argument("--account", metavar="ID", help="only this account")
    parser.add_argument("--all", action="store_true", help="also print the calls that are known")
    parser.add_argument("--dry-run", action="store_true", help="only print what would be done")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)
    now = datetime.now(UTC)
    since = moment(arguments.since, now, "--since")
    latest = Timestamp(now.timestamp() - _BESIDE_SECONDS)
    until = min(latest, moment(arguments.until, now, "--until")) if arguments.until else latest
    if since >= until:
        raise ConfigError("--since is not before --until (or not five minutes ago yet)")
    settings = config.load(arguments.config)
    asyncio.run(_recover(settings, since, until, arguments))
    return 0


def moment(text: str, now: datetime, option: str) -> Timestamp:
    """Read a moment or an age; a date without a time zone is in this machine's zone. Raises: ConfigError."""
    if match := _AGO.fullmatch(text):
        return Timestamp((now - timedelta(**{_UNITS[match[2]]: int(match[1])})).timestamp())
    try:
        return Timestamp(datetime.fromisoformat(text).astimezone(UTC).timestamp())
    except (ValueError, OverflowError) as exc:
        raise ConfigError(f"{option} {text}: write 2026-11-22, 2026-11-22T06:30 or 36h, 7d, 90m") from exc


async def _recover(settings: config.Config, since: Timestamp, until: Timestamp, arguments: argparse.Namespace) -> None:
    core = Core(settings)
    try:
        await core.open()
        if arguments.account and not any(key == arguments.account for key in core.members):
            raise ConfigError(f"--account {arguments.account}: there is no such account")
        members = [o for key, o in core.members.items() if not arguments.account or key == arguments.account]
        compared_any = False
        for name, recovery in recoveries(members, core.storage, core.clock, core.wake):
            compared_any = True
            found = [each async for each in recovery.compare(since, until, dry_run=arguments.dry_run)]
            print(f"{name}:")
            _print(found, show_known=arguments.all, dry_run=arguments.dry_run)
        if not compared_any:
            raise ConfigError("no account says where its PBX keeps its records: add [account.asterisk.records]")
    finally:
        await core.close()


def _print(found: list[Compared], *, show_known: bool, dry_run: bool) -> None:
    shown = [each for each in found if show_known or each.outcome is not Outcome.KNOWN]
    rows = [_COLUMNS, *(_row(each.outcome, each.call) for each in shown)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_COLUMNS))]
    if shown:
        for row in rows:
            print("  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    counts = {outcome: sum(each.outcome is outcome for each in found) for outcome in Outcome}
    told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print(f"  {len(found)} calls in the records: {told}{' (nothing was changed)' if dry_run else ''}")


def _row(outcome: Outcome, call: Call) -> tuple[str, ...]:
    started = datetime.fromtimestamp(call.started_at).astimezone()
    employee = call.final_responsible or (call.caller if call.direction == "outbound" else "")
    cells = (
        outcome,
        started.strftime("%Y-%m-%d %H:%M:%S"),
        call.direction,
        call.client_number or call.called,
        employee or "-",
        call.disposition or "-",
        f"{call.talked_seconds:.0f} s",
        ", ".join(call.recordings) or "-",
    )
    return tuple("".join(c if c.isprintable() else "?" for c in str(cell)) for cell in cells)
