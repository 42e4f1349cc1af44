"""What there is on an Asterisk: trunks with why they are taken for some, people with their phones, contexts, lines,
folders of recordings. Bounded: every list, every question and all of it together has an end."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from integration.domain.ids import Timestamp
from integration.ports.pbx_setup import (
    ContextPurpose,
    Device,
    DialContext,
    Survey,
    SurveyedExtension,
    SurveyedLine,
    Trunk,
    TrunkSign,
)
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected, text
from pbx_adapter.asterisk.ami.protocol import Wanted
from pbx_adapter.asterisk.doctor.checks import clock, clock_ahead, version
from pbx_adapter.asterisk.flavours import FlavourKey, product
from pbx_adapter.asterisk.settings import AsteriskSettings
from pbx_adapter.asterisk.setup.asking import Asking
from pbx_adapter.asterisk.setup.dialplan_survey import OUR_PREFIX, DialplanFacts, dialplan_facts, global_variable
from pbx_adapter.asterisk.setup.endpoints import Endpoint, endpoints
from pbx_adapter.asterisk.tracker.office import present

SURVEY_SECONDS = 40.0
_NOTHING_LIVE = Wanted(frozenset({b"FullyBooted"}), frozenset(), dials=False)
_MOST_MAILBOXES = 12_000
_MOST_SHOWN = 1_000  # contexts and lines
_LONGEST = 80  # characters of a name that is shown
_STRONG = frozenset({
    TrunkSign.REGISTRATION, TrunkSign.LOGIN, TrunkSign.OUTGOING_ROUTE, TrunkSign.INCOMING_CONTEXT, TrunkSign.PORT
})  # fmt: skip


async def survey(settings: AsteriskSettings, *, timing: Timing) -> Survey:
    """Log in, ask, log out. Raises: AuthFailed, Unavailable, ProtocolError."""
    async with connected(settings, wanted=_NOTHING_LIVE, timing=timing, counters=AmiCounters()) as session:
        return await _asked(session, settings)


async def _asked(session: AmiSession, settings: AsteriskSettings) -> Survey:
    asking = Asking(session, settings, SURVEY_SECONDS)
    named = text(await asking.one("CoreSettings"), "AsteriskVersion")
    ahead = await clock_ahead(session)
    dialplan = await dialplan_facts(asking)
    devices = await endpoints(asking)
    mailboxes = await _mailboxes(asking)
    trunks = _trunks(devices, dialplan, settings)
    people = _people(devices, {trunk.name for trunk in trunks if trunk.is_suggested}, mailboxes, settings)
    contexts = _contexts(devices, trunks, dialplan, settings)
    incoming = [each.name for each in contexts if each.purpose is ContextPurpose.INCOMING]
    lines = [SurveyedLine(number=number, context=context) for number, context in dialplan.lines(incoming)]
    unusual = [version(session.banner, named), *([clock(ahead)] if ahead is not None else [])]
    flavour = dialplan.flavour
    return Survey(
        at=Timestamp(time.time()),
        version=named or session.banner,
        flavour=flavour.value if flavour is not None else None,
        options=_options(contexts, trunks, flavour.value if flavour is not None else settings.flavour.value),
        clock_ahead_seconds=ahead,
        trunks=tuple(trunks),
        extensions=tuple(people),
        contexts=tuple(contexts[:_MOST_SHOWN]),
        lines=tuple(lines[:_MOST_SHOWN]),
        recordings=tuple(await _recordings(asking, dialplan, settings)),
        findings=(*(each for each in unusual if each.advice is not None), *asking.findings()),
    )


async def _mailboxes(asking: Asking) -> Mapping[str, tuple[str, str]]:
    """Mailbox -> the person's name and e-mail: FreePBX writes both there, other offices often."""
    rows = await asking.rows("VoicemailUsersList", "VoicemailUserEntry", most=_MOST_MAILBOXES, optional=True)
    return {
        text(row, "VoiceMailbox"): (present(row.get("Fullname")), present(row.get("Email")))
        for row in rows
        if text(row, "VoiceMailbox")
    }


def _trunks(devices: Sequence[Endpoint], dialplan: DialplanFacts, settings: AsteriskSettings) -> list[Trunk]:
    pattern = re.compile(settings.trunk_contexts)
    miko = re.compile(product("mikopbx").trunk_contexts)
    found = []
    for device in devices:
        signs = set(device.signs)
        if device.name in dialplan.dialled and (device.extension is None or signs):
            signs.add(TrunkSign.OUTGOING_ROUTE)
        if device.context and (pattern.match(device.context) or miko.fullmatch(device.context)):
            signs.add(TrunkSign.INCOMING_CONTEXT)
        if device.extension is None and device.technology != "DAHDI":
            signs.add(TrunkSign.NAME)
        is_known = device.name in settings.trunks
        # A phone may have a fixed address; a device that is not named like one, and has, is a trunk.
        by_address = TrunkSign.BY_ADDRESS in signs and device.extension is None
        if not signs or (signs == {TrunkSign.BY_ADDRESS} and device.extension is not None and not is_known):
            continue
        found.append(
            Trunk(
                name=device.name,
                technology=device.technology,
                context=device.context,
                signs=tuple(sign for sign in TrunkSign if sign in signs),
                is_suggested=is_known or by_address or not _STRONG.isdisjoint(signs),
                is_up=device.is_up,
            )
        )
    return sorted(found, key=lambda trunk: (not trunk.is_suggested, trunk.name))


def _people(
    devices: Sequence[Endpoint],
    trunks: set[str],
    mailboxes: Mapping[str, tuple[str, str]],
    settings: AsteriskSettings,
) -> list[SurveyedExtension]:
    of: dict[str, list[Endpoint]] = {}
    for device in devices:
        if device.extension is not None and device.name not in trunks and device.name not in settings.trunks:
            of.setdefault(device.extension, []).append(device)
    found = []
    for number in sorted(of, key=lambda number: (len(number), number)):
        name, email = mailboxes.get(number, ("", ""))
        # The endpoint that is named exactly after the extension knows best what its person is called.
        own = sorted(of[number], key=lambda device: (device.name != number, device.name))
        label = next((device.label for device in own if device.label), name)
        found.append(
            SurveyedExtension(
                number=number,
                name=label[:_LONGEST] if label != number else name[:_LONGEST],
                email=email[:_LONGEST],
                devices=tuple(each for device in own for each in _devices(device)),
            )
        )
    return found


def _devices(endpoint: Endpoint) -> list[Device]:
    """One for each registered phone; an endpoint without any is one device that is not registered."""
    count = max(1, endpoint.contacts)
    device = Device(name=endpoint.name, technology=endpoint.technology, is_registered=endpoint.is_up)
    return [device] * min(count, 20)


def _contexts(
    devices: Sequence[Endpoint], trunks: Sequence[Trunk], dialplan: DialplanFacts, settings: AsteriskSettings
) -> list[DialContext]:
    entered = {trunk.name: trunk.context for trunk in trunks if trunk.is_suggested and trunk.context}
    phones = Counter(
        device.context for device in devices if device.extension and device.context and device.name not in entered
    )
    usual = {product(dialplan.flavour or settings.flavour).phones_context, settings.originate_context} - {""}
    found = []
    for name in {*dialplan.extensions, *dialplan.includes}:
        if name.startswith(OUR_PREFIX):
            purpose = ContextPurpose.OURS
        elif name in entered.values():
            purpose = ContextPurpose.INCOMING
        elif phones[name] or name in usual:
            purpose = ContextPurpose.PHONES
        elif re.match(settings.trunk_contexts, name):
            purpose = ContextPurpose.INCOMING
        else:
            purpose = ContextPurpose.OTHER
        names = tuple(sorted(trunk for trunk, context in entered.items() if context == name))
        count = len(dialplan.extensions.get(name, ()))
        found.append(DialContext(name=name, purpose=purpose, extensions=count, trunks=names))
    order = list(ContextPurpose)
    return sorted(
        found,
        key=lambda each: (
            order.index(each.purpose),
            -len(each.trunks),
            -phones[each.name],
            each.name not in usual,
            each.name,
        ),
    )


def _options(contexts: Sequence[DialContext], trunks: Sequence[Trunk], flavour: str) -> dict[str, Any]:
    """What the connection's settings would be by this survey."""
    options: dict[str, Any] = {"trunks": [trunk.name for trunk in trunks if trunk.is_suggested], "flavour": flavour}
    phones = next((each.name for each in contexts if each.purpose is ContextPurpose.PHONES), None)
    if phones is not None:
        options["originate_context"] = phones
    chosen = product(flavour)
    options["originate_channel"] = chosen.originate_channel
    if chosen.key is FlavourKey.MIKOPBX:
        options["trunk_contexts"] = chosen.trunk_contexts
    return options


async def _recordings(asking: Asking, dialplan: DialplanFacts, settings: AsteriskSettings) -> list[str]:
    """The PBX's own words first, then what its product usually does."""
    found = []
    if spool := await global_variable(asking, "ASTSPOOLDIR"):
        found.append(f"{spool.rstrip('/')}/monitor")
    if own := await global_variable(asking, "MIXMON_DIR"):  # FreePBX: Settings > Advanced Settings
        found.insert(0, own.rstrip("/"))
    found += dialplan.recorded_into
    found += [product(dialplan.flavour or settings.flavour).recordings, settings.recordings.pbx_path]
    return list(dict.fromkeys(path for path in found if path.startswith("/") and path.isprintable()))[:20]
