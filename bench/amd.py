"""Whom the PBX takes for a machine: spoken samples are played to the dialplan that receives a campaign's clients.

`dozvon bench amd [--quick]` starts a real Asterisk (`make test-setup`), dials each sample as if a client had answered,
and reads the verdict from our own dialplan, with Asterisk's sample values and with those of `MachineCheck`. Prints a
table of who was taken for what, and how long a client waited for the verdict.
"""

from __future__ import annotations

import asyncio
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.amd_samples import LEVELS, MACHINES, PEOPLE, Answers, Sample, samples, speaker
from bench.report import aim, machine, percentile
from integration.domain.calls.received import Answerer
from integration.domain.campaigns.reception import MachineCheck, Reception
from pbx_adapter.asterisk.ami import receptions
from pbx_adapter.asterisk.ami.client import AmiCounters, AmiSession, Timing, connected, text
from pbx_adapter.asterisk.ami.commands import Action, channel_id
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.settings import AsteriskSettings

ASTERISK_S_OWN = MachineCheck(
    initial_silence=2500, greeting=1500, after_greeting=800, total=5000, least_word=100, between_words=50,
    most_words=2, silence_level=256,
)  # fmt: skip
"""Of amd.conf.sample in Asterisk 22."""

OURS = MachineCheck()
SETTINGS = {"asterisk's sample": ASTERISK_S_OWN, "dozvon": OURS}
_CHECKOUT = Path(__file__).parents[1]
_AT_ONCE = 16
_VERDICT_SECONDS = 30.0
_TRIES = 4  # on a busy machine the sound can end before AMD() has heard enough of it: that says nothing about AMD()
_STORY = "DOZVON_RECEIVED"
_BEGINS = "DOZVON_UNTIL"  # the first variable that the context sets
_TAKEN_FOR = {"HUMAN": Answerer.PERSON, "MACHINE": Answerer.MACHINE}
_DIALPLAN = """[globals]
[sample]
exten => _[a-z].,1,Answer()
 same => n,Playback(@BASE@/sounds/${EXTEN})
 same => n,Hangup()
@DOZVON_INCLUDE@
"""


@dataclass(frozen=True, slots=True)
class Size:
    voices: int
    levels: tuple[float, ...]
    texts: int
    majors: tuple[int, ...] = (22,)


FULL = Size(voices=2, levels=LEVELS, texts=4, majors=(22, 16))
QUICK = Size(voices=1, levels=(LEVELS[1],), texts=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`seconds`: from the client's answer. `tries`: how often the sample was played until there was a verdict."""

    sample: Sample
    taken_for: Answerer
    cause: str
    seconds: float
    tries: int


def run(*, quick: bool = False, size: Size | None = None) -> dict[str, Any]:
    """
    Judge all samples, and report.

    Returns:
        {"bench", "aims": [{"what", "aim", "measured", "unit", "met"}], "detail"}; `detail` has, for each Asterisk and
        each set of values, `taken_for`: kind of answer -> {"person", "machine", "not_sure"}.

    Raises: LabMissingError: there is no Asterisk to ask.
    """
    return asyncio.run(_run(size or (QUICK if quick else FULL)))


async def _run(size: Size) -> dict[str, Any]:
    speaks, speak = speaker()
    made = await samples(speak, voices=size.voices, levels=size.levels, texts=size.texts)
    detail: dict[str, Any] = {"speech": speaks, "samples": len(made)}
    ours: list[Verdict] = []
    for major in size.majors:
        for name, check in SETTINGS.items():
            verdicts = await _judge(major, made, check)
            detail[f"Asterisk {major}, {name}"] = _told(verdicts)
            print(f"Asterisk {major}, {name}: {len(verdicts)} verdicts", file=sys.stderr, flush=True)
            ours += verdicts if check is OURS else []
    return {"bench": "amd", "aims": _aims(ours), "detail": {**detail, **machine()}}


def _aims(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    short = [each for each in verdicts if each.sample.answers is Answers.SHORT]
    people = [each for each in verdicts if each.sample.answers in PEOPLE]
    machines = [each for each in verdicts if each.sample.answers in MACHINES]
    return [
        aim("people who say a word or two, taken for machines", 1.0, _share(short), "%", more_is_better=False),
        aim("people of all kinds taken for machines", 5.0, _share(people), "%", more_is_better=False),
        aim("machines and announcements taken for machines", 50.0, _share(machines), "%", more_is_better=True),
    ]


def _share(verdicts: Sequence[Verdict]) -> float:
    """Percent that were taken for machines."""
    found = sum(each.taken_for is Answerer.MACHINE for each in verdicts)
    return round(100 * found / len(verdicts), 1) if verdicts else 0.0


def _told(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    table: dict[str, dict[str, int]] = {}
    for answers in Answers:
        counts = Counter(each.taken_for for each in verdicts if each.sample.answers is answers)
        table[answers.value] = {taken.value: counts[taken] for taken in Answerer}
    people = [each for each in verdicts if each.sample.answers in PEOPLE]
    wrong = sum(each.taken_for is Answerer.MACHINE for each in people)
    short = [each for each in people if each.sample.answers is Answers.SHORT]
    waited = sorted(each.seconds for each in short if each.taken_for is Answerer.PERSON) or [0.0]
    causes = Counter(each.cause.partition("-")[0] for each in people if each.taken_for is Answerer.MACHINE)
    return {
        "taken_for": table,
        "played_again": sum(each.tries - 1 for each in verdicts),
        "people_taken_for_machines_percent": _share(people),
        "people_taken_for_machines_95_percent_interval": _interval(wrong, len(people)),
        "why_people_were_taken_for_machines": dict(causes.most_common()),
        "seconds_until_a_short_answer_is_known_p50": percentile(waited, 0.5),
        "seconds_until_a_short_answer_is_known_p95": percentile(waited, 0.95),
    }


def _interval(found: int, of: int) -> list[float]:
    """Wilson's, in percent: how far chance alone may have moved the share."""
    if not of:
        return [0.0, 100.0]
    z, share = 1.96, found / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return [round(100 * (middle - half), 1), round(100 * (middle + half), 1)]


# ---- on the PBX ------------------------------------------------------------------------------------------------------


async def _judge(major: int, made: Sequence[Sample], check: MachineCheck) -> list[Verdict]:
    if str(_CHECKOUT) not in sys.path:
        # The installed package lacks the tests, and cacofonisk installs another package `tests`.
        sys.path.insert(0, str(_CHECKOUT))
    from tests.lab.asterisk import DOZVON_USER, Asterisk, lab_root
    from tests.lab.ports import free_port

    with tempfile.TemporaryDirectory() as overlay:
        (Path(overlay) / "extensions.conf").write_text(_DIALPLAN, encoding="utf-8")
        asterisk = Asterisk(lab_root(major), carrier_port=free_port(), fastagi_port=free_port(), overlay=Path(overlay))
        try:
            await asterisk.start()
            for sample in made:
                (asterisk.sounds / f"{sample.name}.wav").write_bytes(sample.wav)
            login = {
                "host": "127.0.0.1", "port": asterisk.ports.ami, "username": DOZVON_USER.name,
                "secret": DOZVON_USER.secret,
            }  # fmt: skip
            settings = AsteriskSettings.from_config("bench", login)
            async with connected(settings, wanted=None, timing=Timing(), counters=AmiCounters()) as session:
                return await _Judging(session, check).of(made)
        finally:
            asterisk.remove()


class _Judging:
    def __init__(self, session: AmiSession, check: MachineCheck) -> None:
        self._session = session
        self._variables = receptions.variables(Reception(wait_seconds=0, check=check))
        self._began: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[tuple[str, float]]] = {}
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def of(self, made: Sequence[Sample]) -> list[Verdict]:
        """Raises: Unavailable: the PBX has gone, and with it the verdicts."""
        listening = asyncio.create_task(self._listen())
        judging = asyncio.gather(*(self._one(number, each) for number, each in enumerate(made)))
        try:
            both: set[asyncio.Future[Any]] = {listening, judging}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
            return list(await judging)
        finally:
            listening.cancel()
            judging.cancel()
            await asyncio.gather(listening, judging, return_exceptions=True)

    async def _one(self, number: int, sample: Sample) -> Verdict:
        """Raises: TimeoutError: the sample was played four times, and no time was there a verdict."""
        async with self._room:
            for tries in range(1, _TRIES + 1):
                unique = channel_id(f"sample-{number}-{tries}")
                answer = self._waiting[unique] = asyncio.get_running_loop().create_future()
                await self._session.ask(self._call(unique, sample))
                story, seconds = await asyncio.wait_for(answer, _VERDICT_SECONDS)
                if story:
                    _, status, cause = story.split()[0].split(":", 2)
                    return Verdict(sample, _TAKEN_FOR.get(status, Answerer.NOT_SURE), cause, seconds, tries)
        raise TimeoutError(f"{sample.name} was played {_TRIES} times and ended each time without a verdict")

    def _call(self, unique: str, sample: Sample) -> Action:
        headers = (
            ("Channel", f"Local/{sample.name}@sample/n"),
            ("Context", receptions.CONTEXT),
            ("Exten", receptions.BEGINS_AT),
            ("Priority", "1"),
            ("Async", "true"),
            ("ChannelId", unique),
            ("OtherChannelId", f"{unique}-2"),
            *(("Variable", each) for each in self._variables),
        )
        return Action("Originate", headers, changes=True)

    async def _listen(self) -> None:
        while True:
            for _, frame in await self._session.take(timeout_seconds=1.0):
                self._hear(frame)

    def _hear(self, frame: Frame) -> None:
        event, unique = text(frame, "Event"), text(frame, "Uniqueid")
        waiting = self._waiting.get(unique)
        if event == "Hangup" and waiting is not None and not waiting.done():
            waiting.set_result(("", 0.0))
        if event != "VarSet":
            return
        name, value = text(frame, "Variable"), text(frame, "Value")
        if name == _BEGINS:
            self._began.setdefault(unique, time.monotonic())
        if name == _STORY and value and waiting is not None and not waiting.done():
            waiting.set_result((value, time.monotonic() - self._began.get(unique, time.monotonic())))
