"""Writes the route setup into the PBX's dialplan by AMI (`UpdateConfig`), and takes it out again.

How it works
------------

Our include becomes a separate file. It is written beside itself and copied over in one action, because an action
holds 128 headers only, and a reload may come at any moment.

The file that includes it is written only if it is missing. Of any other the person gets the line to add. `UpdateConfig`
writes a file anew together with all that it includes: comments without anything after them are lost, on Asterisk 16
a `#tryinclude` becomes an `#include`, and then a missing file stops the whole dialplan from loading; 22 keeps it, but
moves directives (measured on 16.28 and 22.10.1). AMI shows neither, and a copy by it loses the same.

AMI has no action for an `#include`: the line is written as a variable whose name ends in a comment sign, so that the
sign of equality that Asterisk adds is a comment. Measured on 16.28 and 22.10.1.

A removal leaves contexts that return at once: a route that still asks would lose its calls otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from integration.domain.sentences import Sentence
from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, error, warning
from integration.ports.pbx_setup import RouteWishes, RouteWriting, SetupStep
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts as doctor_texts
from pbx_adapter.asterisk.flavours import FlavourKey, product
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup import config_files, route_text, texts
from pbx_adapter.asterisk.setup.config_files import Config

_INBOUND = "dozvon-inbound"
_STUBS = {
    _INBOUND: ["exten => s,1,Return()"],
    "dozvon-freepbx": ["exten => s,1,Return()"],
    "dozvon-campaign": ["exten => s,1,Hangup()"],
    route_text.OFFICE_CONTEXT: [f"exten => s,1,NoOp({route_text.MARK}, and removed it)", "same => n,Return()"],
}


@dataclass(frozen=True, slots=True)
class _Found:
    """
    Attributes:
        own: our file; None: there is none.
        host: the office's file that includes it; None: there is none.
    """

    own: Config | None
    host: Config | None

    @property
    def is_ours(self) -> bool:
        lines = dict(self.own or []).get(route_text.OFFICE_CONTEXT, [])
        return any(route_text.MARK in line for line in lines)

    @property
    def is_in_use(self) -> bool:
        """Not only the contexts that a removal leaves."""
        return self.is_ours and "dozvon-doctor" in dict(self.own or [])

    @property
    def is_included(self) -> bool:
        return route_text.OFFICE_CONTEXT in dict(self.host or []) or config_files.INCLUDE_CONTEXT in dict(
            self.host or []
        )

    @property
    def may_be_included(self) -> bool:
        """The file is missing, so nothing of the office's can be lost."""
        return self.host is None


async def write_route_setup(
    session: AmiSession, settings: AsteriskSettings, wishes: RouteWishes, *, dry: bool
) -> RouteWriting:
    """Raises: Rejected (a wish cannot stand in a dialplan), Unavailable (the link is lost)."""
    wanted = contexts_of(route_text.include_text(settings, wishes))
    refusal = await _refusal(session, settings)
    if refusal is not None:
        return RouteWriting(refusal=refusal)
    host = product(settings.flavour).dialplan_file
    found = await _look(session, host)
    foreign = await _foreign(session, found)
    if foreign:
        says = texts.FOREIGN_CONTEXT(names=", ".join(foreign))
        return RouteWriting(refusal=error(about.DIALPLAN, says, texts.REMOVE_THE_FOREIGN))
    changes = _changes(found, host)
    left = _left_to_do(settings, wishes, found)
    if dry:
        return RouteWriting(changes=changes, left_to_do=left)
    try:
        await _write_own(session, wanted, found)
        if found.may_be_included:
            await config_files.create_including(session, host, route_text.INCLUDE_LINE)
        if not found.is_included and not found.may_be_included:
            return RouteWriting(changes=changes, was_done=True, left_to_do=left)
        await _reload(session)
    except Rejected as exc:
        says = texts.PBX_REFUSED(file=f"{route_text.FILE}, {host}", detail=str(exc))
        return RouteWriting(refusal=error(about.DIALPLAN, says, texts.FOLLOW_THE_STEPS))
    if not await _is_loaded(session):
        advice = doctor_texts.ADD_THE_INCLUDE(file=host, address=settings.agi_url)
        missing = error(about.DIALPLAN, doctor_texts.INCLUDE_MISSING, advice)
        return RouteWriting(changes=changes, was_done=True, refusal=missing, left_to_do=left)
    return RouteWriting(changes=changes, was_done=True, left_to_do=left)


async def remove_route_setup(session: AmiSession, settings: AsteriskSettings, *, dry: bool) -> RouteWriting:
    """Raises: Unavailable (the link is lost)."""
    refusal = await _refusal(session, settings)
    if refusal is not None:
        return RouteWriting(refusal=refusal)
    host = product(settings.flavour).dialplan_file
    found = await _look(session, host)
    if not found.is_in_use:
        nothing = warning(about.DIALPLAN, texts.NOTHING_TO_REMOVE, texts.FOLLOW_THE_STEPS)
        return RouteWriting(refusal=nothing)
    changes: tuple[Sentence, ...] = (texts.LETS_CALLS_PASS(file=route_text.FILE), texts.RELOADS())
    by_hand = texts.TAKE_THE_LINE_OUT(line=route_text.LINE, file=host, include=route_text.INCLUDE_LINE)
    left = (SetupStep(says=by_hand),)
    if dry:
        return RouteWriting(changes=changes, left_to_do=left)
    try:
        await _write_own(session, list(_STUBS.items()), found)
        await _reload(session)
    except Rejected as exc:
        says = texts.PBX_REFUSED(file=route_text.FILE, detail=str(exc))
        return RouteWriting(refusal=error(about.DIALPLAN, says, texts.FOLLOW_THE_STEPS))
    return RouteWriting(changes=changes, was_done=True, left_to_do=left)


def contexts_of(text_of_file: str) -> Config:
    """The contexts of a dialplan's text, each with its lines `exten => …`, without comments. Not for others' files."""
    contexts: Config = []
    for line in text_of_file.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith((";", "#")):
            continue
        if match := re.fullmatch(r"\[([A-Za-z0-9_.\-]+)\]", stripped):
            contexts.append((match.group(1), []))
        else:
            contexts[-1][1].append(stripped)
    return contexts


# ---- looking ---------------------------------------------------------------------------------------------------------


async def _refusal(session: AmiSession, settings: AsteriskSettings) -> Finding | None:
    chosen = product(settings.flavour)
    if chosen.key is FlavourKey.MIKOPBX:
        says = texts.NOT_WRITABLE_HERE(product=chosen.label)
        return warning(about.DIALPLAN, says, texts.FOLLOW_THE_STEPS)
    if await config_files.may_write(session):
        return None
    user = settings.username
    advice = texts.DO_IT_BY_HAND(section=user, file=chosen.manager_file)
    return warning(about.RIGHT(group="config"), texts.NO_CONFIG_RIGHT(user=user), advice)


async def _look(session: AmiSession, host: str) -> _Found:
    return _Found(await config_files.read(session, route_text.FILE), await config_files.read(session, host))


async def _foreign(session: AmiSession, found: _Found) -> list[str]:
    """Contexts with our names that somebody else brought: most often the file was included by hand."""
    if found.is_ours:
        return []
    if found.own:
        return [name for name, _ in found.own][:10]
    try:
        await session.ask(
            question("ShowDialPlan", is_list=True, Context=_INBOUND), timeout_seconds=config_files.SECONDS
        )
    except NotFound:
        return []
    return [_INBOUND]


async def _is_loaded(session: AmiSession) -> bool:
    asked = question("ShowDialPlan", is_list=True, Context=route_text.OFFICE_CONTEXT)
    try:
        _, rows = await session.ask(asked, timeout_seconds=config_files.SECONDS)
    except (NotFound, Rejected):
        return False
    return any(route_text.MARK in text(row, "AppData") for row in rows)


def _changes(found: _Found, host: str) -> tuple[Sentence, ...]:
    own = texts.REPLACES_FILE if found.own is not None else texts.WRITES_FILE
    changes = [own(file=route_text.FILE)]
    if found.may_be_included:
        changes.append(texts.INCLUDES_IT(file=host, line=route_text.INCLUDE_LINE))
    if found.may_be_included or found.is_included:
        changes.append(texts.RELOADS())
    return tuple(changes)


def _left_to_do(settings: AsteriskSettings, wishes: RouteWishes, found: _Found) -> tuple[SetupStep, ...]:
    by_hand: tuple[SetupStep, ...] = ()
    if not (found.may_be_included or found.is_included):
        by_hand = (route_text.include_step(settings),)
    if product(settings.flavour).key is FlavourKey.FREEPBX:
        return (*by_hand, *([route_text.reload_step()] if by_hand else []), *route_text.freepbx_pages())
    return (*by_hand, route_text.line_step(settings, wishes), route_text.reload_step())


# ---- writing ---------------------------------------------------------------------------------------------------------


async def _write_own(session: AmiSession, wanted: Config, found: _Found) -> None:
    """Our file, in one action at the end. Raises: Rejected, Unavailable."""
    operations = []
    for name, lines in wanted:
        operations.append(config_files.operation("NewCat", name))
        operations += [config_files.operation("Append", name, line) for line in lines]
    await config_files.write_own(session, route_text.FILE, operations, is_new=found.own is None)


async def _reload(session: AmiSession) -> None:
    await config_files.reload(session, "pbx_config.so")
