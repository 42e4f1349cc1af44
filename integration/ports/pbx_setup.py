"""What an administrator's setup asks a PBX: how to let Dozvon in, what there is on it, and whether it works.

Nothing here needs the running link of `pbx.py`: every question logs in by itself and out again, beside a running
Dozvon too. Every question is bounded in time and in the size of its answer. Texts from the PBX are hostile.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from integration.domain.calls.call import Call
from integration.domain.campaigns.needs import NO_CAMPAIGNS, CampaignNeeds
from integration.domain.ids import Timestamp
from integration.domain.sentences import Sentence, Words
from integration.ports.findings import Finding
from integration.ports.pbx import DialSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """One of the products that an administrator knows by name; several may be PBXs of one kind."""

    key: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a form on the PBX's own pages. `label` is what stands there, `value` what to enter."""

    label: str | Words
    value: str | Words


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupStep:
    """
    One thing to do on the PBX's side.

    Attributes:
        says: what to do.
        place: the file, or the way through the menus, as the PBX names it; empty if there is none.
        text: what to enter there, ready to be copied.
        form: what to enter where `place` is a page with a form.
        command: to be run on the PBX, ready to be copied.
    """

    says: Sentence
    place: str | Words = ""
    text: str = ""
    form: tuple[FormField, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """
    What has to be entered on the PBX so that Dozvon may log in. Contains the secret.

    Attributes:
        options: the options of the connection, completed: a generated secret where there was none, and what this
            flavour needs otherwise. To be stored, and to be given to `PbxKind.trial`.
    """

    options: Mapping[str, Any]
    steps: tuple[SetupStep, ...]


class TrunkSign(StrEnum):
    """Why something is taken for a trunk. Sentences: `texts/pbx_setup.py`."""

    REGISTRATION = "registration"  # the PBX registers with a carrier by it
    LOGIN = "login"  # the PBX proves itself to the other side
    BY_ADDRESS = "by_address"  # the other side is recognised by its address
    OUTGOING_ROUTE = "outgoing_route"  # calls to the outside are sent there
    INCOMING_CONTEXT = "incoming_context"  # its calls enter where calls from outside do
    PORT = "port"  # a card's port or span
    NAME = "name"  # it is not named like an employee's phone


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunk:
    """
    Attributes:
        name: as the connection's setting `trunks` takes it.
        technology: as the PBX names it.
        context: where its calls enter the dialplan; empty if the PBX does not say.
        is_suggested: the signs suffice to tick it.
        is_up: reachable or registered now; None if the PBX does not say.
    """

    name: str
    technology: str
    context: str = ""
    signs: tuple[TrunkSign, ...] = ()
    is_suggested: bool = False
    is_up: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One phone: `name` as the PBX has it; `is_registered` None if it does not say."""

    name: str
    technology: str
    is_registered: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedExtension:
    """An extension with all its phones. More than one device: the person has a second phone."""

    number: str
    name: str = ""
    email: str = ""
    devices: tuple[Device, ...] = ()

    @property
    def is_registered(self) -> bool | None:
        """Whether one of its phones is; None if the PBX says it of none."""
        known = [device.is_registered for device in self.devices if device.is_registered is not None]
        return any(known) if known else None


class ContextPurpose(StrEnum):
    """What a context of the dialplan is for. Sentences: `texts/pbx_setup.py`."""

    INCOMING = "incoming"  # calls from outside enter here
    PHONES = "phones"  # employees' phones dial here
    OURS = "ours"  # Dozvon's own
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class DialContext:
    """`extensions`: how many extensions and patterns it has; `trunks`: the names of those whose calls enter here."""

    name: str
    purpose: ContextPurpose
    extensions: int = 0
    trunks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyedLine:
    """A number that clients dial, as the dialplan has it."""

    number: str
    context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """
    What there is on the PBX.

    Attributes:
        version: as the PBX names itself; empty if it does not.
        flavour: the key of the flavour that its dialplan looks like; None: of none.
        options: what the survey would write into the connection's options, by key.
        clock_ahead_seconds: of the PBX before ours; None if it does not tell.
        recordings: folders that it records into, by its own paths, the likeliest first.
        findings: what could not be asked, or is unusual, each with what to change. Empty: the survey is complete.
    """

    at: Timestamp
    version: str = ""
    flavour: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    clock_ahead_seconds: float | None = None
    trunks: tuple[Trunk, ...] = ()
    extensions: tuple[SurveyedExtension, ...] = ()
    contexts: tuple[DialContext, ...] = ()
    lines: tuple[SurveyedLine, ...] = ()
    recordings: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """
    A call that has just begun on the PBX.

    Attributes:
        line: the dialled number as the PBX shows it; empty if it shows none.
        trunk: the device that it came by, as the setting `trunks` takes it.
        from_outside: False: from an employee's phone, as far as the settings know.
    """

    at: Timestamp
    caller: str
    line: str
    trunk: str
    context: str
    from_outside: bool


class RingResult(StrEnum):
    """Sentences: `texts/pbx_setup.py`."""

    ANSWERED = "answered"
    RANG_OUT = "rang_out"  # it rang, and nobody answered in time
    BUSY = "busy"
    DECLINED = "declined"
    NOT_REGISTERED = "not_registered"
    NO_SUCH_EXTENSION = "no_such_extension"
    FAILED = "failed"  # for another reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RingOutcome:
    """
    Attributes:
        has_rung: the phone said that it rings.
        device: the one that was called, as the PBX names it.
        is_recorded: the PBX was asked to record the talk, and did not refuse.
    """

    result: RingResult
    has_rung: bool = False
    device: str = ""
    is_recorded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteWishes:
    """
    Attributes:
        incoming_contexts: where calls from outside enter; for the line to add.
        reserve: rings if Dozvon does not answer: an extension or a number; empty: the office's own route.
        phones_context: where the office dials extensions and numbers; empty: the connection's own setting.
    """

    incoming_contexts: tuple[str, ...] = ()
    reserve: str = ""
    phones_context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSetup:
    """
    How incoming calls come to ask Dozvon: `steps` for a person. Contains the secret end of our address.

    Attributes:
        include: the text for the dialplan, with this office's values.
        line: the one line to add to the incoming route; empty where the PBX's own pages lead there.
    """

    include: str
    line: str
    steps: tuple[SetupStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteWriting:
    """
    What writing (or removing) the route setup changes.

    Attributes:
        changes: one sentence for each, in order.
        was_done: False for a dry run, and where `refusal` says why not.
        refusal: why nothing is written, and what to do instead; None: nothing stands in the way.
        left_to_do: what a person has to do by hand afterwards.
    """

    changes: tuple[Sentence, ...] = ()
    was_done: bool = False
    refusal: Finding | None = None
    left_to_do: tuple[SetupStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPhone:
    """
    A phone to be made on the PBX. Contains a secret.

    Attributes:
        extension: also the login.
        name: shown at the other end.
        secret: letters and digits; empty where it is not known, as of a phone that was made before.
    """

    extension: str
    name: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneWriting:
    """As `RouteWriting`, for phones."""

    changes: tuple[Sentence, ...] = ()
    was_done: bool = False
    refusal: Finding | None = None
    left_to_do: tuple[SetupStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRecording:
    """A file of the recordings' place. `name`: as `Pbx.recording` and `PbxSetup.recording` take it."""

    name: str
    bytes: int
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingsSuggestion:
    """
    A place where recordings may be.

    Attributes:
        options: the table `recordings` of the connection's options.
        newest: the newest file there; None: none yet, or we cannot look there.
        finding: whether the place can be used, and what to change.
    """

    options: Mapping[str, Any]
    finding: Finding
    newest: SeenRecording | None = None


NO_PLACE = "no_recordings"
"""The code of NotFound where no place for recordings is configured, or it is not there."""


class PbxSetup(Protocol):
    """
    The questions of a setup to one PBX. Methods for what the abilities deny raise Rejected.

    All of them raise AuthFailed (the PBX refuses our user), Unavailable (no answer, lost) and ProtocolError (not a PBX
    of this kind, or too old), each with a `fault` whose sentence is in `texts/connections.py`; Rejected with the code
    `permission_denied` where our user has no right to it.
    """

    async def diagnose(self, samples: Sequence[DialSample] = (), needs: CampaignNeeds = NO_CAMPAIGNS) -> list[Finding]:
        """Every permission and every need as one line, in the order to mend them. Never raises."""

    async def survey(self) -> Survey:
        """What there is on the PBX. What a right or a module is missing for becomes a finding."""

    def watch_calls(self, seconds: float, *, listens: Callable[[], None] = lambda: None) -> AsyncIterator[SeenCall]:
        """
        Calls as they begin on the PBX, for this long (at most ten minutes). Changes nothing, takes no call.

        Args:
            listens: called once, when every call that begins from now on is seen.
        """

    async def ring(self, extension: str, *, seconds: float, record_as: str = "") -> RingOutcome:
        """
        Ring one extension's phone for at most this long, and hang up when it answers.

        Args:
            record_as: a file's name: stay for three seconds and let the PBX record them under it, into the configured
                place, where `recording` finds it. Without such a place nothing is recorded.
        """

    def route_setup(self, wishes: RouteWishes) -> RouteSetup:
        """How to send incoming calls to Dozvon, as text. Asks nothing. Raises: Rejected with the code `bad_reserve` or
        `bad_context` for a wish that cannot stand in a dialplan."""

    async def write_route_setup(self, wishes: RouteWishes, *, dry: bool) -> RouteWriting:
        """Write it into the PBX's dialplan, with a copy of what was there. `dry`: only say what would change."""

    async def remove_route_setup(self, *, dry: bool) -> RouteWriting:
        """Take out again what `write_route_setup` wrote, and nothing else."""

    async def check_route_setup(self) -> list[Finding]:
        """Try the way back: does the PBX reach Dozvon when it asks? Rings no phone."""

    def phone_setup(self, phones: Sequence[NewPhone]) -> tuple[SetupStep, ...]:
        """How a person makes these phones on the PBX. Asks nothing. Raises: Rejected with the code `bad_extension`."""

    async def own_phones(self) -> list[NewPhone]:
        """The phones that `write_phones` has made, without their secrets."""

    async def write_phones(self, phones: Sequence[NewPhone], *, dry: bool) -> PhoneWriting:
        """Make these phones on the PBX, or give those that were made here a new secret and name. Never touches a phone
        that somebody else has made: then nothing is written. `dry`: only say what would change."""

    async def newest_recordings(self, limit: int) -> list[SeenRecording]:
        """The newest files of the configured place, the newest first. Raises: NotFound (its message says where it
        looked), Rejected with the code `no_listing` for a place that cannot be listed."""

    async def suggest_recordings(self, survey: Survey) -> list[RecordingsSuggestion]:
        """Places where this PBX's recordings may be, those with files first. Never raises."""

    def recording(self, file: str, call: Call | None = None) -> AsyncIterator[bytes]:
        """The bytes of a recording. Raises: NotFound, Unavailable."""

    async def remove_recording(self, file: str) -> bool:
        """Delete a file that `ring` has let the PBX record. False: it cannot be deleted from here. Never raises."""
