"""Builds our AMI actions and their text on the wire; pure.

Validates every value, because numbers, names and extensions come from a CRM or a browser: AMI is a line protocol, so
a line end in a value would start a new header. `client.py` sends actions and waits for answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from integration.errors import Rejected

_LINE_ENDS = re.compile(r"[\r\n\x00]+")
_EXTENSION = re.compile(r"[0-9A-Za-z_.*#\-]{1,40}")
_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_TONE = re.compile(r"[0-9A-D*#]")
_REQUEST = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_CRM_CALL = re.compile(r"[A-Za-z0-9_.\-]{1,128}")  # an account's id, a dot, the CRM's own id
_CONTEXT = re.compile(r"[A-Za-z0-9_.\-]{1,80}")
# `Technology/...`: a name beginning with / would be taken as a regular expression by Hangup.
_CHANNEL = re.compile(r"[A-Za-z0-9]+/[^\s,&|]{1,160}")
_PATH = re.compile(r"[A-Za-z0-9_./\-]{1,300}")

TONE_MILLISECONDS = 120
CHANNEL_ID_PREFIX = "dozvon-"
"""With our request's id after it, it is the Uniqueid of a channel that we originated (AMI `ChannelId`)."""


@dataclass(frozen=True, slots=True)
class Action:
    """One AMI action. `changes` is False for questions: those may be asked again after a lost link."""

    name: str
    headers: tuple[tuple[str, str], ...] = ()
    changes: bool = False
    is_list: bool = False  # answered by events that end with one carrying `EventList: Complete`

    def wire(self, action_id: str) -> bytes:
        """The block to send. Line ends in values are removed, so that each value stays one header."""
        headers = (("Action", self.name), ("ActionID", action_id), *self.headers)
        return ("".join(f"{_clean(k)}: {_clean(v)}\r\n" for k, v in headers) + "\r\n").encode(errors="replace")

    def frame(self, action_id: str) -> dict[str, str | list[str]]:
        """The action in the form that the tracker reads."""
        frame: dict[str, str | list[str]] = {"Action": self.name, "ActionID": action_id}
        for name, value in self.headers:
            known = frame.get(name)
            frame[name] = value if known is None else [*([known] if isinstance(known, str) else known), value]
        return frame


def _clean(value: str) -> str:
    return _LINE_ENDS.sub("", value)


def _check(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise Rejected(f"not a {what} that can be sent to the PBX", code=f"bad_{what.replace(' ', '_')}")
    return value


def channel_id(request_id: str) -> str:
    """The Uniqueid that the channel of a click-to-call will have. Raises: Rejected."""
    return CHANNEL_ID_PREFIX + _check(_REQUEST, request_id, "request id")


def originate(
    *,
    request_id: str,
    extension: str,
    number: str,
    channel_template: str,
    context: str,
    timeout_seconds: float,
    dial_plus: bool = False,
    crm_call_id: str | None = None,
    has_caller_id: bool = False,
) -> Action:
    """
    Click to call: the employee's phone first, then the number, through the dialplan of phones.

    The dialplan sees the same caller as when the employee dials by hand. The action's `CallerID:` would set both the
    number on the phone's display and the caller's number, so the client would be called from the client's own number,
    which carriers refuse.

    Args:
        has_caller_id: the endpoint's own `callerid` stays; without one its channel gets the extension.

    Always `Async`, always with our ChannelId, so that the call is ours from its first event and a repeat is found.
    AMI takes commas in `Variable` as separators, so the values of variables hold none.

    Raises:
        Rejected: a value cannot be sent.

    Source: pbx_adapter/asterisk/README.md, "Click to call".
    """
    dialled = _check(_NUMBER, number, "number")
    if not dial_plus:
        dialled = dialled.removeprefix("+")
    unique = channel_id(request_id)
    channel = channel_template.format(extension=_check(_EXTENSION, extension, "extension"))
    # The phone shows its connected line while it rings. FreePBX looks up the caller by REALCALLERIDNUM.
    variables = [f"CONNECTEDLINE({part})={dialled}" for part in ("num", "name")]
    variables += [] if has_caller_id else [f"CALLERID(num)={extension}"]
    variables += [f"__REALCALLERIDNUM={extension}", f"__DOZVON_CALL={request_id}"]
    if crm_call_id is not None:
        variables.append(f"__CRM_CALL_ID={_check(_CRM_CALL, crm_call_id, 'CRM call id')}")
    headers = [
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Context", _check(_CONTEXT, context, "context")),
        ("Exten", dialled),
        ("Priority", "1"),
        ("Timeout", str(round(timeout_seconds * 1000))),
        ("Async", "true"),
        ("ChannelId", unique),
        *(("Variable", v) for v in variables),
    ]
    if channel.startswith("Local/"):
        headers.append(("OtherChannelId", unique + "-2"))
    return Action("Originate", tuple(headers), changes=True)


_ANSWER = (
    "PJSIP_HEADER(add,Call-Info)=<sip:dozvon>;answer-after=0",
    "PJSIP_HEADER(add,Alert-Info)=<http://dozvon>;info=alert-autoanswer;delay=0",
)


def campaign_call(
    *,
    attempt: str,
    number: str,
    extension: str,
    is_client_first: bool,
    channel_template: str,
    context: str,
    ring_seconds: int,
    caller_id: str | None = None,
    line: str = "",
    dial_plus: bool = False,
    answers_itself: bool = False,
    enters: tuple[str, str] | None = None,
    also: Sequence[str] = (),
) -> Action:
    """
    One attempt of a campaign, always `Async` and with our ChannelId, as a click.

    With the client first the call leaves through `Local/NUMBER@CONTEXT/n`, so that routes, recording and limits of the
    dialplan apply, and enters the dialplan at the extension when the client has answered. The outgoing half of a Local
    channel shows the connected line of the first half as its caller; the first half's own caller is what the employee's
    phone shows, so it is the client. `CallerID:` would set both. Early media counts as no answer.

    Args:
        answers_itself: ask the employee's phone to answer without a hand, as `[dozvon-answers]` of the include does.
            Headers reach a phone that is dialled by PJSIP; behind a Local channel there is no way to set them.
        enters: context and extension for the client, in place of `context` and `extension`, which is not used then.
        also: more variables, checked (`receptions.variables`).

    FreePBX takes the number for the carrier from `TRUNKCIDOVERRIDE`, other dialplans from CALLERID. `DOZVON_LINE` is
    for a dialplan that chooses the trunk by it.

    Raises:
        Rejected: a value cannot be sent.

    Source: reference "dialling", 4.1 and 4.5; measured with the lab on 16 and 22.
    """
    dialled = _check(_NUMBER, number, "number")
    if not dial_plus:
        dialled = dialled.removeprefix("+")
    shown = None if caller_id is None else _check(_NUMBER, caller_id, "caller id")
    inside = _check(_EXTENSION, extension, "extension") if enters is None else ""
    unique = channel_id(attempt)
    if is_client_first:
        channel, (into, exten) = f"Local/{dialled}@{context}/n", enters or (context, inside)
        variables = [f"CALLERID({part})={dialled}" for part in ("num", "name")]
        variables += [] if shown is None else [f"CONNECTEDLINE(num)={shown}"]
    else:
        channel, (into, exten) = channel_template.format(extension=inside), (context, dialled)
        variables = [f"CONNECTEDLINE({part})={dialled}" for part in ("num", "name")]
        variables += [f"CALLERID(num)={inside if shown is None else shown}", f"__REALCALLERIDNUM={inside}"]
        variables += _ANSWER if answers_itself and channel.startswith("PJSIP/") else ()
    variables += [] if shown is None else [f"__TRUNKCIDOVERRIDE={shown}"]
    variables += [f"__DOZVON_LINE={_check(_EXTENSION, line, 'line')}"] if line else []
    headers = [
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Context", _check(_CONTEXT, into, "context")),
        ("Exten", exten),
        ("Priority", "1"),
        ("Timeout", str(ring_seconds * 1000)),
        ("Async", "true"),
        ("ChannelId", unique),
        *(("Variable", each) for each in (*variables, *also, f"__DOZVON_CALL={attempt}")),
    ]
    if channel.startswith("Local/"):
        headers.append(("OtherChannelId", unique + "-2"))
    return Action("Originate", tuple(headers), changes=True)


def checked_extension(extension: str) -> str:
    """Raises: Rejected: this cannot be an extension."""
    return _check(_EXTENSION, extension, "extension")


def ring(*, request_id: str, channel: str, timeout_seconds: float, talk_seconds: int = 0) -> Action:
    """Ring one device and hang up when it answers: after a beep, or after seconds of talk. Raises: Rejected."""
    unique = channel_id(request_id)
    headers = [
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Application", "Wait" if talk_seconds else "Playback"),
        ("Data", str(talk_seconds) if talk_seconds else "beep"),
        ("CallerID", '"Dozvon" <0>'),
        ("Timeout", str(round(timeout_seconds * 1000))),
        ("Async", "true"),
        ("ChannelId", unique),
    ]
    if channel.startswith("Local/"):
        headers.append(("OtherChannelId", unique + "-2"))
    return Action("Originate", tuple(headers), changes=True)


def record(channel: str, path: str) -> Action:
    """Record one channel into a file on the PBX until it hangs up. Raises: Rejected."""
    headers = (("Channel", _check(_CHANNEL, channel, "channel")), ("File", _check(_PATH, path, "path")))
    return Action("MixMonitor", headers, changes=True)


NORMAL_CLEARING = 16
CALL_REJECTED = 21
"""Q.850. Dial, queues and the tracker treat a ringing channel that ends with this cause like a phone that answered 603;
measured on 16.28 and 22.10.1."""


def hang_up(channel: str, *, cause: int = NORMAL_CLEARING) -> Action:
    """End one channel. Raises: Rejected."""
    return Action("Hangup", (("Channel", _check(_CHANNEL, channel, "channel")), ("Cause", str(cause))), changes=True)


def play_tone(channel: str, digit: str) -> Action:
    """One DTMF digit to the far end of a channel. Raises: Rejected."""
    headers = (
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Digit", _check(_TONE, digit, "tone")),
        ("Duration", str(TONE_MILLISECONDS)),
    )
    return Action("PlayDTMF", headers, changes=True)


def redirect(channel: str, *, context: str, extension: str) -> Action:
    """Send one channel to an extension of the dialplan. Raises: Rejected."""
    headers = (
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Context", _check(_CONTEXT, context, "context")),
        ("Exten", _check(_NUMBER, extension, "extension")),
        ("Priority", "1"),
    )
    return Action("Redirect", headers, changes=True)


def blind_transfer(channel: str, *, context: str, extension: str) -> Action:
    """Transfer to `extension` whoever talks to `channel`, as if the party on `channel` did it. Raises: Rejected."""
    headers = (
        ("Channel", _check(_CHANNEL, channel, "channel")),
        ("Context", _check(_CONTEXT, context, "context")),
        ("Exten", _check(_NUMBER, extension, "extension")),
    )
    return Action("BlindTransfer", headers, changes=True)


def question(name: str, /, *, is_list: bool = False, **headers: str) -> Action:
    """A question that changes nothing on the PBX; header names as AMI writes them."""
    return Action(name, tuple(headers.items()), is_list=is_list)
