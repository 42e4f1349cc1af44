"""Compares the PBX's calls with the CRM: lost, doubled, unrecorded, out of order; as a table and as JSON.

A call is *lost* if the CRM does not have it. Dozvon knows it from the PBX's events. If it could have missed them (the
call began and ended, or had its last event, while no process listened), it is *recovered* from the PBX's records. A PBX
that crashes writes no CDR of its live calls, but CEL is enough to find them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from integration.domain.calls.call import Call
from integration.domain.ids import CallId
from tests.faults.campaign_verdict import CampaignFigures, judge_campaign
from tests.faults.crm_sides import Record
from tests.faults.ledger import Ledger, PbxCall
from tests.faults.place import Place
from tests.faults.stand import Stand

_GRAIN_SECONDS = 2.0  # the CRM has whole seconds, and a busy Dozvon dates an event when it reads it
_TALK_SECONDS = 2.0  # a shorter talk may be less than a whole second
_LEAST_BYTES = 200  # of a recording


_BAD = ("lost", "doubled", "invented", "unrecorded", "misjudged", "out_of_order", "complaints")


@dataclass(slots=True, kw_only=True)
class Verdict:
    """All texts in lists are keys of calls. `seed` and the requested numbers repeat the run."""

    seed: int
    processes: int
    accounts: int = 1
    calls: int = 0  # with a client outside
    kinds: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    logged: int = 0
    in_inbox: int = 0
    lost: list[str] = field(default_factory=list)
    about_lost: list[dict[str, Any]] = field(default_factory=list)  # everything known about the lost calls
    doubled: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)  # in the CRM, but never made by the PBX
    unrecorded: list[str] = field(default_factory=list)
    about_unrecorded: list[dict[str, Any]] = field(default_factory=list)
    misjudged: list[str] = field(default_factory=list)  # there was a talk, but not by the CRM
    out_of_order: list[str] = field(default_factory=list)
    about_out_of_order: list[dict[str, Any]] = field(default_factory=list)
    recorded: int = 0
    not_to_log: int = 0  # outgoing calls to strangers without an answer: amoCRM has no place for them
    crashed: int = 0  # live calls of a PBX that crashed
    recovered: int = 0
    questions: int = 0
    fell_back: int = 0
    hung: int = 0  # calls that did not end
    dead_letters: int = 0
    longest_delay_seconds: float = 0.0
    median_delay_seconds: float = 0.0
    campaigns: CampaignFigures = field(default_factory=CampaignFigures)
    complaints: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        bad = (
            self.lost,
            self.doubled,
            self.invented,
            self.unrecorded,
            self.misjudged,
            self.out_of_order,
            self.campaigns.wrong,
            self.complaints,
        )
        return not any(bad) and not self.hung and not self.dead_letters

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "fault_count": sum(self.faults.values()), "is_clean": self.is_clean}

    def table(self) -> str:
        """Markdown: a table of the results and one of the faults."""
        rows: list[tuple[str, object]] = [
            ("calls with clients that the PBX made", self.calls),
            ("faults", sum(self.faults.values())),
            ("logged in the CRM", self.logged),
            ("of them in Unsorted", self.in_inbox),
            ("of them recovered from the PBX's records", self.recovered),
            ("of them cut off by a crash of the PBX", self.crashed),
            ("with their recording", self.recorded),
            ("**lost**", len(self.lost)),
            ("**doubled**", len(self.doubled) + len(self.invented)),
            ("**without the recording that there is**", len(self.unrecorded)),
            ("**told as missed though there was talk**", len(self.misjudged)),
            ("**out of order**", len(self.out_of_order)),
            ("**calls that hung**", self.hung),
            ("dead letters", self.dead_letters),
            ("strangers called in vain (not to be logged)", self.not_to_log),
            ("route questions", self.questions),
            ("of them not answered: the office's own route went on", self.fell_back),
            ("delay from the end to the CRM, median", f"{self.median_delay_seconds:.1f} s"),
            ("delay from the end to the CRM, longest", f"{self.longest_delay_seconds:.1f} s"),
            *self._of_campaigns(),
            ("complaints", len(self.complaints)),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"| {'what':<{width}} | number |", f"|{'-' * (width + 2)}|-------:|"]
        lines += [f"| {name:<{width}} | {value:>6} |" for name, value in rows]
        lines += ["", "| fault | times |", "|---|---:|"]
        lines += [f"| {name} | {times} |" for name, times in sorted(self.faults.items())]
        bad = {name: getattr(self, name) for name in _BAD} | self.campaigns.wrong
        lines += [f"\n{name}: {', '.join(found[:20])}" for name, found in bad.items() if found]
        return "\n".join(lines)

    def _of_campaigns(self) -> list[tuple[str, object]]:
        found = self.campaigns
        if not found.listed:
            return []
        return [
            ("clients of campaigns", found.listed),
            ("attempts in their journals", found.attempts),
            ("attempts of managers' own lists", found.own_attempts),
            ("of them with a ring at the client", found.rang),
            ("of them rung before an employee", found.rung_first),
            ("of those turned away, because nobody came in time", found.turned_away),
            ("of them with a talk", found.talked),
            ("of them unknown", found.unknown),
            ("numbers that supervisors took out meanwhile", found.refused),
            ("**campaigns: dialled twice, lost, outside the list**", sum(map(len, found.wrong.values()))),
        ]


async def judge(stand: Stand, *, kinds: Mapping[str, int], faults: Mapping[str, int], complaints: list[str]) -> Verdict:
    """Judge everything; the stand must be settled."""
    verdict = Verdict(
        seed=stand.shape.seed,
        processes=stand.shape.processes,
        accounts=stand.shape.accounts,
        kinds=dict(kinds),
        faults=dict(faults),
        complaints=list(complaints),
    )
    delays: list[float] = []
    for place in stand.places:
        await _judge_place(verdict, stand, place, delays)
        async with stand.storage() as storage:
            await judge_campaign(verdict.campaigns, storage, place)
    verdict.dead_letters = (await stand.processes[0].health())["outbox"]["dead"]
    verdict.longest_delay_seconds = max(delays, default=0.0)
    verdict.median_delay_seconds = sorted(delays)[len(delays) // 2] if delays else 0.0
    return verdict


async def _judge_place(verdict: Verdict, stand: Stand, place: Place, delays: list[float]) -> None:
    ledger, counts = place.office.ledger, place.side.counts(place.clicked)
    records = place.side.records(place.clicked)
    verdict.complaints += place.side.complaints()
    calls = [call for call in ledger.calls.values() if call.direction != "internal"]
    in_journal = await _in_journal(stand, place, [call.uniq for call in calls])
    files = {str(file) for file in place.spool.iterdir()}
    for call in calls:
        journal = in_journal.get(call.uniq)
        verdict.recovered += bool(counts[call.uniq]) and journal is not None and journal.recovered
        verdict.crashed += bool(counts[call.uniq]) and call.is_crashed
        if _is_lost(verdict, call, counts[call.uniq], known=place.known):
            verdict.lost.append(call.uniq)
            near = ledger.disruptions.near(call)
            verdict.about_lost.append({**asdict(call), "journal": repr(journal), "near": near})
        if call.uniq in records:
            record = records[call.uniq]
            is_heard = await _hear(verdict, stand, record)
            if not is_heard and call.file in files and call.talk_began is not None:
                verdict.unrecorded.append(call.uniq)
                about = {
                    **asdict(call),
                    "link": record.link,
                    "journal": repr(journal),
                    "near": ledger.disruptions.near(call),
                }
                verdict.about_unrecorded.append({**about, "done": await _results(stand, place, call)})
            if _talked_seconds(call) > _TALK_SECONDS and not record.seconds:
                verdict.misjudged.append(call.uniq)
            if call.ended is not None and ledger.was_known(call):
                delays.append(place.arrived[call.uniq] - call.ended)
    verdict.calls += len(calls)
    verdict.logged += len(records)
    verdict.in_inbox += place.side.in_inbox()
    verdict.invented += sorted(set(counts) - {call.uniq for call in calls})
    pressed = set(place.office.begun_by_crm.values())  # a portal dates a click when it is pressed
    in_order = [call for call in calls if call.linkedid not in pressed]
    for call in _out_of_order(ledger, in_order, records, in_journal):
        verdict.out_of_order.append(call.uniq)
        about = {"at": records[call.uniq].at, "journal": repr(in_journal[call.uniq])}
        verdict.about_out_of_order.append({**asdict(call), **about, "near": ledger.disruptions.near(call)})
    verdict.hung += len(ledger.live)


def _talked_seconds(call: PbxCall) -> float:
    """Seconds from the client's first connection to the end; after a crash the end of the talk is unknown."""
    if call.talk_began is None or call.ended is None or call.is_crashed:
        return 0.0
    return call.ended - call.talk_began


async def _in_journal(stand: Stand, place: Place, keys: Sequence[str]) -> dict[str, Call]:
    """Those of these calls that Dozvon has stored as separate calls."""
    async with stand.storage() as storage:
        found = [await storage.calls.get(place.account, CallId(key)) for key in keys]
    return {call.id: call for call in found if call is not None and call.merged_into is None}


def _is_lost(verdict: Verdict, call: PbxCall, times: int, *, known: Collection[str]) -> bool:
    """Count a call that is not in the CRM, by the reason."""
    verdict.questions += call.questions
    verdict.fell_back += call.questions - call.answers
    if times > 1:
        verdict.doubled.append(call.uniq)
    if times:
        return False
    if call.direction == "outbound" and call.number not in known and call.talk_began is None:
        verdict.not_to_log += 1
        return False
    return True


async def _hear(verdict: Verdict, stand: Stand, record: Record) -> bool:
    """Whether the recording is at the CRM's address for it, or in the CRM."""
    if not record.link:
        verdict.recorded += record.bytes_ > _LEAST_BYTES
        return record.bytes_ > _LEAST_BYTES
    link = record.link
    assert link.startswith(f"{stand.url}/r/"), link
    async with stand.session.get(link) as answer:
        is_there = answer.status == 200 and len(await answer.read()) > _LEAST_BYTES
    verdict.recorded += is_there
    return is_there


async def _results(stand: Stand, place: Place, call: PbxCall) -> dict[str, Any]:
    """The results of the call's outbox items, by their keys."""
    async with stand.storage() as storage:
        return await storage.outbox.results(place.account, CallId(call.uniq))


def _out_of_order(
    ledger: Ledger, calls: list[PbxCall], records: Mapping[str, Record], in_journal: Mapping[str, Call]
) -> list[PbxCall]:
    """
    Calls that come before an earlier call in their client's feed. Those that Dozvon found while they were live do not
    count: the PBX only says how long they have lasted, in office seconds.
    """
    latest: dict[str, float] = {}
    found: list[PbxCall] = []
    for call in sorted(calls, key=lambda each: each.began):
        journal = in_journal.get(call.uniq)
        if call.uniq not in records or not ledger.saw_begin(call) or journal is None or not journal.seen_from_start:
            continue
        at = records[call.uniq].at
        if at < latest.get(call.number, 0.0) - _GRAIN_SECONDS:
            found.append(call)
        latest[call.number] = max(latest.get(call.number, 0.0), at)
    return found
