"""The doctor's check of the way back: does the dialplan reach a Dozvon that answers, and which events do we get?"""

from __future__ import annotations

import asyncio

from integration.errors import NotFound, Rejected
from integration.ports.findings import Finding, error, ok, warning
from pbx_adapter.asterisk.ami import own_tests
from pbx_adapter.asterisk.ami.client import AmiSession, text
from pbx_adapter.asterisk.ami.commands import Action, channel_id, question
from pbx_adapter.asterisk.doctor import check_texts as about
from pbx_adapter.asterisk.doctor import texts
from pbx_adapter.asterisk.doctor.rights import events
from pbx_adapter.asterisk.flavours import product
from pbx_adapter.asterisk.settings import AsteriskSettings

CONTEXT = "dozvon-doctor"
_NOWHERE = (("Channel", "Local/s@dozvon-nowhere/n"), ("Application", "Wait"), ("Data", "1"), ("Async", "true"))
_EVENT_SECONDS = 2.0
_AGI_SECONDS = 8.0  # the dialplan gives the server 5


async def dialplan(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """Does the dialplan have our include, and does it reach a Dozvon that answers?"""
    try:
        for context in ("dozvon-inbound", CONTEXT):
            await session.ask(question("ShowDialPlan", is_list=True, Context=context), timeout_seconds=15.0)
    except NotFound:
        file = product(settings.flavour).dialplan_file
        advice = texts.ADD_THE_INCLUDE(file=file, address=settings.agi_url)
        missing = error(about.DIALPLAN, texts.INCLUDE_MISSING, advice)
        return [*await _classes_without_include(session, settings), missing]
    except Rejected:
        return []  # reported with the permissions
    findings = [ok(about.DIALPLAN, texts.INCLUDE_THERE)]
    try:
        return findings + await _way_back(session, settings)
    except Rejected:
        return findings  # no right to originate: reported with the permissions


async def _way_back(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """A Local channel runs `dozvon-doctor`, which calls our FastAGI and sends the result as a UserEvent.

    Its events also show which event classes we receive.
    """
    unique = channel_id(own_tests.request_id(own_tests.DOCTOR))
    headers = (
        ("Channel", f"Local/s@{CONTEXT}/n"),
        ("Application", "Wait"),
        ("Data", "8"),
        ("Async", "true"),
        ("ChannelId", unique),
        ("OtherChannelId", f"{unique}-2"),
    )
    await session.ask(Action("Originate", headers, changes=True))
    seen: set[str] = set()
    told: dict[str, str] = {}
    deadline = asyncio.get_running_loop().time() + _AGI_SECONDS
    while "AgiStatus" not in told and (left := deadline - asyncio.get_running_loop().time()) > 0:
        for _, frame in await session.take(timeout_seconds=left):
            event = text(frame, "Event")
            if text(frame, "Linkedid") == unique:
                seen.add(event)
            if event == "UserEvent" and text(frame, "UserEvent") == "DozvonDoctor":
                told = {name: text(frame, name) for name in ("AgiStatus", "Answer", "Address")}
            elif event == "VarSet" and text(frame, "Linkedid") == unique and text(frame, "Variable") == "DOZVON_DO":
                told["Answer"] = text(frame, "Value") or told.get("Answer", "")
    return [*_classes(seen, settings), _agi(told, settings)]


async def _classes_without_include(session: AmiSession, settings: AsteriskSettings) -> list[Finding]:
    """Which event classes we receive, before there is anything of ours on the PBX: by our own global variable, and
    by a call to nowhere, which ends before it begins."""
    unique = channel_id(own_tests.request_id(own_tests.DOCTOR))
    trials = {
        "dialplan": Action("Setvar", (("Variable", "DOZVON_DOCTOR"), ("Value", unique)), changes=True),
        "call": Action(
            "Originate", (*_NOWHERE, ("ChannelId", unique), ("OtherChannelId", f"{unique}-2")), changes=True
        ),
    }
    tried = []
    for group, action in trials.items():
        try:
            await session.ask(action, action_id=f"{unique}-{group}")
            tried.append(group)
        except Rejected:
            continue  # reported with the permissions
    arrived: set[str] = set()
    deadline = asyncio.get_running_loop().time() + _EVENT_SECONDS
    while not arrived.issuperset(tried) and (left := deadline - asyncio.get_running_loop().time()) > 0:
        for _, frame in await session.take(timeout_seconds=left):
            if text(frame, "Event") == "VarSet" and text(frame, "Value") == unique:
                arrived.add("dialplan")
            elif text(frame, "ActionID") == f"{unique}-call":
                arrived.add("call")
    return [events(group, settings, arrive=group in arrived) for group in ("call", "dialplan") if group in tried]


def _classes(seen: set[str], settings: AsteriskSettings) -> list[Finding]:
    if not seen:  # without the class `call` nothing else can be told
        return [events("call", settings, arrive=False)]
    signs = {"call": "Newchannel", "dialplan": "VarSet", "user": "UserEvent"}
    return [events(group, settings, arrive=event in seen) for group, event in signs.items()]


def _agi(told: dict[str, str], settings: AsteriskSettings) -> Finding:
    file = product(settings.flavour).globals_file
    if told.get("Answer") and told.get("Address", "").rpartition("/")[2] == settings.id:
        advice = texts.WRITE_THE_ADDRESS(address=settings.agi_url, file=file)
        return warning(about.WAY_BACK, texts.OLD_ADDRESS, advice)
    if told.get("Answer"):
        return ok(about.WAY_BACK, texts.WAY_BACK_WORKS(address=told.get("Address") or settings.agi_url))
    status, address = told.get("AgiStatus", ""), told.get("Address", "")
    if "AgiStatus" in told and not address:
        says = texts.NO_ADDRESS()
    elif status == "SUCCESS":
        says = texts.NOT_DOZVON(address=address)
    elif status in ("SILENT", "HANGUP"):
        says = texts.SILENT(address=address)
    elif status:
        says = texts.NOT_REACHED(address=address)
    else:
        says = texts.NOT_SAID()
    return error(about.WAY_BACK, says, texts.MEND_THE_WAY_BACK(address=settings.agi_url, file=file))
