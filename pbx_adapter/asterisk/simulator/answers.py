"""The simulated PBX's answers to AMI queries. Only reads its state."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence

from pbx_adapter.asterisk.simulator.ami import Answer, Request, error, header
from pbx_adapter.asterisk.simulator.configuration import Step
from pbx_adapter.asterisk.simulator.office import Office
from pbx_adapter.asterisk.simulator.switch import Channel, Headers, Switch

_BETWEEN_NAMES = re.compile(r",(?![^(]*\))")  # a comma, but for those inside a function


def _list(message: str, event: str, items: Sequence[Headers], *extra: tuple[str, str]) -> Answer:
    complete: Headers = [("Event", event), ("EventList", "Complete"), ("ListItems", str(len(items))), *extra]
    return [("Response", "Success"), ("EventList", "start"), ("Message", message)], [*items, complete]


def _clock(seconds: float) -> str:
    whole = int(max(seconds, 0))
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def core_show_channels(switch: Switch) -> Answer:
    items: list[Headers] = [
        [
            ("Event", "CoreShowChannel"),
            *c.headers(),
            ("Application", c.application),
            ("ApplicationData", c.data),
            ("Duration", _clock(switch.now() - c.created)),
            ("BridgeId", c.bridge.id if c.bridge else ""),
        ]
        for c in switch.channels.values()
    ]
    return _list("Channels will follow", "CoreShowChannelsComplete", items)


def _value(switch: Switch, channel: Channel, name: str) -> str:
    if name == "CDR(answer,u)":
        return f"{switch.dated(channel.answered_at) if channel.answered_at else 0.0:.6f}"
    if name == "STRFTIME(,,%s.%3q)":
        return f"{switch.dated(switch.now()):.3f}"
    if name in ("CDR(start)", "CDR(answer)"):
        at = channel.created if name == "CDR(start)" else channel.answered_at
        return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""
    return channel.variables.get(name) or channel.variables.get(f"__{name}") or "(null)"


def status(switch: Switch, request: Request) -> Answer:
    names = [n for n in _BETWEEN_NAMES.split(header(request, "Variables")) if n]
    items: list[Headers] = [
        [
            ("Event", "Status"),
            *c.headers(),
            ("Type", c.name.partition("/")[0]),
            ("DNID", c.dnid),
            ("EffectiveConnectedLineNum", c.connected or "<unknown>"),
            ("EffectiveConnectedLineName", c.connected_name or "<unknown>"),
            ("TimeToHangup", "0"),
            ("BridgeID", c.bridge.id if c.bridge else ""),
            ("Application", c.application),
            ("Data", c.data),
            ("Nativeformats", "(ulaw)"),
            ("Readformat", "ulaw"),
            ("Readtrans", ""),
            ("Writeformat", "ulaw"),
            ("Writetrans", ""),
            ("Callgroup", "0"),
            ("Pickupgroup", "0"),
            ("Seconds", str(int(switch.now() - c.created))),
            *(("Variable", f"{n}={_value(switch, c, n)}") for n in names),
        ]
        for c in switch.channels.values()
    ]
    return _list("Channel status will follow", "StatusComplete", items, ("Items", str(len(items))))


def bridge_list(switch: Switch) -> Answer:
    items = [[("Event", "BridgeListItem"), *b.headers()] for b in switch.bridges.values()]
    return _list("Bridge listing will follow", "BridgeListComplete", items)


def bridge_info(switch: Switch, request: Request) -> Answer:
    bridge = switch.bridges.get(header(request, "BridgeUniqueid"))
    if bridge is None:
        return error("Bridge not found")
    items = [[("Event", "BridgeInfoChannel"), *c.headers()] for c in bridge.channels]
    return _list("Bridge channel listing will follow", "BridgeInfoComplete", items, *bridge.headers())


def queue_status(
    switch: Switch, office: Office, waiting: Mapping[str, Sequence[tuple[Channel, float]]], request: Request
) -> Answer:
    asked = header(request, "Queue")
    items: list[Headers] = []
    for queue in office.queues:
        if asked and asked != queue.name:
            continue
        callers = waiting.get(queue.name, ())
        items.append(
            [
                ("Event", "QueueParams"),
                ("Queue", queue.name),
                ("Max", "0"),
                ("Strategy", "ringall"),
                ("Calls", str(len(callers))),
            ]
        )
        for extension in queue.members:
            phone = office.phone(extension)
            items.append(
                [
                    ("Event", "QueueMember"),
                    ("Queue", queue.name),
                    ("Name", phone.name if phone else ""),
                    ("Location", f"PJSIP/{extension}"),
                    ("StateInterface", f"PJSIP/{extension}"),
                    ("Membership", "static"),
                    ("Status", {"NOT_INUSE": "1", "INUSE": "2", "RINGING": "6"}[switch.device_state(extension)]),
                    ("Paused", "0"),
                ]
            )
        for position, (channel, since) in enumerate(callers, 1):
            items.append(
                [
                    ("Event", "QueueEntry"),
                    ("Queue", queue.name),
                    ("Position", str(position)),
                    ("Channel", channel.name),
                    ("Uniqueid", channel.uniqueid),
                    ("CallerIDNum", channel.caller or "unknown"),
                    ("CallerIDName", channel.caller_name or "unknown"),
                    ("ConnectedLineNum", channel.connected or "unknown"),
                    ("ConnectedLineName", channel.connected_name or "unknown"),
                    ("Wait", str(int(switch.now() - since))),
                    ("Priority", "0"),
                ]
            )
    return _list("Queue status will follow", "QueueStatusComplete", items)


def endpoints(switch: Switch, office: Office) -> Answer:
    words = {"NOT_INUSE": "Not in use", "INUSE": "In use", "RINGING": "Ringing"}
    items: list[Headers] = [
        [
            ("Event", "EndpointList"),
            ("ObjectType", "endpoint"),
            ("ObjectName", name),
            ("Transport", "udp"),
            ("Aor", name),
            ("Auths", name),
            ("OutboundAuths", ""),
            ("Contacts", f"{name}/sip:{name}@127.0.0.1,"),
            ("DeviceState", words[switch.device_state(name)]),
            ("ActiveChannels", str(sum(c.endpoint == name for c in switch.channels.values()))),
        ]
        for name in (*(p.extension for p in office.phones), "trunk")
    ]
    return _list("A listing of Endpoints follows, presented as EndpointList events", "EndpointListComplete", items)


def endpoint(office: Office, request: Request) -> Answer:
    name = header(request, "Endpoint")
    phone = office.phone(name)
    if phone is None and name != "trunk":
        return error(f"Unable to retrieve endpoint {name}")
    detail: Headers = [
        ("Event", "EndpointDetail"),
        ("ObjectType", "endpoint"),
        ("ObjectName", name),
        ("Context", "internal" if phone else "from-trunk"),
        ("Callerid", f'"{phone.name}" <{phone.extension}>' if phone else "<unknown>"),
    ]
    uri = f"sip:{name}@127.0.0.1"
    contact: Headers = [("Event", "ContactStatusDetail"), ("AOR", name), ("URI", uri), ("Status", "Reachable")]
    items = [detail, contact]
    if phone is None:
        items.append([("Event", "IdentifyDetail"), ("ObjectName", name), ("Match", "127.0.0.2/255.255.255.255")])
    return _list("Following are Events for each object associated with the Endpoint", "EndpointDetailComplete", items)


def registrations() -> Answer:
    """The trunk is known by its address: the PBX registers nowhere."""
    return _list("Following are Events for each Outbound registration", "OutboundRegistrationDetailComplete", [])


def mailboxes(office: Office) -> Answer:
    items: list[Headers] = [
        [
            ("Event", "VoicemailUserEntry"),
            ("VMContext", "default"),
            ("VoiceMailbox", phone.extension),
            ("Fullname", phone.name),
            ("Email", f"{phone.name.split()[0].lower()}@example.com"),
        ]
        for phone in office.phones
    ]
    return _list("Voicemail user list will follow", "VoicemailUserEntryComplete", items)


def core_settings(version: str) -> Answer:
    """`version`: of the manager protocol, `11.0.0` for Asterisk 22."""
    major = {"5": "16.28.0", "7": "18.20.0", "9": "20.11.0", "11": "22.10.1"}.get(version.partition(".")[0], version)
    return [("Response", "Success"), ("AMIversion", version), ("AsteriskVersion", major)], []


def variable(values: Mapping[str, str], request: Request) -> Answer:
    name = header(request, "Variable")
    return [("Response", "Success"), ("Variable", name), ("Value", values.get(name, ""))], []


def core_status(booted_at: float, live: int) -> Answer:
    start = datetime.datetime.fromtimestamp(booted_at, datetime.UTC)
    day, clock = start.strftime("%Y-%m-%d"), start.strftime("%H:%M:%S")
    return [
        ("Response", "Success"),
        ("CoreStartupDate", day),
        ("CoreStartupTime", clock),
        ("CoreReloadDate", day),
        ("CoreReloadTime", clock),
        ("CoreCurrentCalls", str(live)),
        ("CoreProcessedCalls", "0"),
    ], []


def _takes(extension: str, wanted: str) -> bool:
    """Whether an Asterisk pattern matches: `_` begins one, X Z N are digits, `.` is the rest, `!` may be empty."""
    if not extension.startswith("_"):
        return extension == wanted
    classes = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*"}
    return re.fullmatch("".join(classes.get(c, re.escape(c)) for c in extension[1:]), wanted) is not None


def dialplan(contexts: Mapping[str, Sequence[Step]], request: Request) -> Answer:
    context, wanted = header(request, "Context"), header(request, "Extension")
    if context and context not in contexts:
        return error(f"Did not find context {context}")
    steps = [
        (name, step)
        for name in ([context] if context else contexts)
        for step in contexts[name]
        if not wanted or _takes(step.extension, wanted)
    ]
    if not steps:
        return error(f"Did not find extension {wanted}@{context}")
    items: list[Headers] = [
        [
            ("Event", "ListDialplan"),
            ("Context", name),
            ("Extension", step.extension),
            ("Priority", "1"),
            ("Application", step.application),
            ("AppData", step.data),
            ("Registrar", "pbx_config"),
        ]
        for name, step in steps
    ]
    return _list("DialPlan list will follow", "ShowDialPlanComplete", items, ("ListContexts", "1"))
