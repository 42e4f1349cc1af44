"""The doctor's check of our user's rights: each class of manager.conf is one line."""

from __future__ import annotations

from dataclasses import dataclass

from integration.domain.sentences import Words
from integration.ports.findings import Finding, error, ok, warning
from pbx_adapter.asterisk.ami.client import AmiSession
from pbx_adapter.asterisk.ami.commands import question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.flavours import product
from pbx_adapter.asterisk.settings import AsteriskSettings

READ = ("system", "call", "agent", "user", "dialplan")
WRITE = ("system", "call", "originate", "reporting")
RIGHTS = f"read = {','.join(READ)}\nwrite = {','.join(WRITE)}"
"""Two lines of manager.conf: what Dozvon needs, and no more."""


@dataclass(frozen=True, slots=True)
class _WriteClass:
    group: str
    use: Words
    actions: tuple[str, ...]
    """Those that Dozvon sends and that this class permits."""


_WRITE_CLASSES = (
    _WriteClass("originate", texts.USE_ORIGINATE, ("Originate",)),
    _WriteClass("call", texts.USE_CALL, ("Hangup", "Redirect", "BlindTransfer")),
    _WriteClass("reporting", texts.USE_REPORTING, ("CoreShowChannels", "Status", "CoreStatus", "ShowDialPlan")),
    _WriteClass("system", texts.USE_SYSTEM, ("Filter",)),
)
READ_USES = {
    "system": texts.USE_READ_SYSTEM,
    "call": texts.USE_READ_CALL,
    "dialplan": texts.USE_READ_DIALPLAN,
    "user": texts.USE_READ_USER,
}


async def rights(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """Which actions the PBX allows our user, and whether we get its boot event (read class `system`)."""
    response, _ = await session.ask(question("ListCommands"))
    user, file = settings.username, product(settings.flavour).manager_file
    findings = []
    for each in _WRITE_CLASSES:
        missing = [name for name in each.actions if name not in response]
        if missing:
            says = texts.NOT_GRANTED(group=each.group, user=user, actions=", ".join(missing), use=each.use)
            findings.append(
                error(about.RIGHT(group=each.group), says, texts.ADD_WRITE(group=each.group, section=user, file=file))
            )
        else:
            findings.append(ok(about.RIGHT(group=each.group), texts.GRANTED(use=each.use)))
    if "PlayDTMF" not in response and "Redirect" in response:  # the same right: so it is the module
        findings.append(warning(about.TONES, texts.NO_TONES, texts.LOAD_SENDDTMF))
    if "Command" in response:
        advice = texts.REMOVE_COMMAND(section=user, file=file)
        findings.append(warning(about.COMMAND, texts.ANY_COMMAND(user=user), advice))
    findings.append(events("system", settings, arrive=session.uptime is not None))
    if "Filter" in response and not await session.set_filters():
        findings.append(warning(about.FILTER, texts.FILTERS_REFUSED, texts.DROPPED_HERE))
    elif "Filter" in response:
        findings.append(ok(about.FILTER, texts.FILTERS_SET))
    return findings


def events(group: str, settings: AsteriskSettings, *, arrive: bool) -> Finding:
    """The finding about a read class."""
    use = READ_USES[group]
    if arrive:
        return ok(about.EVENTS(group=group), texts.RECEIVED(use=use))
    user = settings.username
    advice = texts.ADD_READ(group=group, section=user, file=product(settings.flavour).manager_file)
    return error(about.EVENTS(group=group), texts.NOT_RECEIVED(group=group, user=user, use=use), advice)
