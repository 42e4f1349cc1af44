"""What an Asterisk's dialplan tells a survey: its contexts, the lines, which trunks calls to the outside use, where it
records."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pbx_adapter.asterisk.ami.client import text
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.flavours import PRODUCTS, FlavourKey
from pbx_adapter.asterisk.setup.asking import Asking
from pbx_adapter.asterisk.tracker.office import present

MOST_ROWS = 60_000  # a priority each; FreePBX with some hundred extensions has about 20,000
OUR_PREFIX = "dozvon-"
_MOST_VARIABLES = 60
_MOST_FREEPBX_TRUNKS = 60
_FREEPBX_GAP = 8  # numbers of deleted trunks in a row, after which no more are expected
_DIALS = frozenset({"Dial", "TryExec", "ExecIf", "Originate"})
_DIALLED = re.compile(r"\b(?:PJSIP|SIP|IAX2)/(?:[^@,&|/()\s]*@)?([\w.${}\-]+)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_LINE = re.compile(r"\+?\d{5,15}")
_RECORDED_INTO = re.compile(r"(/[^,${}\s]*?)/(?:[^/,]*)(?:,|$)")


@dataclass(slots=True)
class DialplanFacts:
    """
    Attributes:
        extensions: context -> extensions and patterns in it; `includes`: context -> contexts that it includes.
        dialled: names of devices that some Dial reaches, with variables filled in.
        recorded_into: absolute folders that MixMonitor is told, most often first.
    """

    extensions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    includes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    dialled: set[str] = field(default_factory=set)
    recorded_into: list[str] = field(default_factory=list)

    @property
    def flavour(self) -> FlavourKey | None:
        """The product whose contexts it has, at least two of them."""
        counts = {key: len(each.marks & self.extensions.keys()) for key, each in PRODUCTS.items()}
        best = max(counts, key=lambda key: counts[key])
        return best if counts[best] >= 2 else None

    def within(self, contexts: Iterable[str]) -> set[str]:
        """These contexts and all that they include."""
        seen: set[str] = set()
        waiting = list(contexts)
        while waiting:
            context = waiting.pop()
            if context not in seen:
                seen.add(context)
                waiting += self.includes.get(context, ())
        return seen

    def lines(self, contexts: Iterable[str]) -> list[tuple[str, str]]:
        """Whole numbers that these contexts take, each with its context."""
        found: dict[str, str] = {}
        for context in sorted(self.within(contexts)):
            for extension in self.extensions.get(context, ()):
                if _LINE.fullmatch(extension):
                    found.setdefault(extension, context)
        return sorted(found.items())


async def dialplan_facts(asking: Asking) -> DialplanFacts:
    """Read the whole dialplan. Raises: Unavailable (the link is lost)."""
    facts = DialplanFacts()
    arguments: set[str] = set()
    folders: dict[str, int] = defaultdict(int)
    for row in await asking.rows("ShowDialPlan", "ListDialplan", most=MOST_ROWS):
        _take(facts, row)
        application, data = text(row, "Application"), text(row, "AppData")
        if application in _DIALS or "Dial(" in data:
            arguments.add(data)
        if application in ("MixMonitor", "Monitor") and (match := _RECORDED_INTO.match(data)):
            folders[match.group(1)] += 1
    variables = await _variables(asking, arguments)
    for data in arguments:
        for name in _DIALLED.findall(data):
            facts.dialled.add(_VARIABLE.sub(lambda match: variables.get(match.group(1), ""), name))
    if FlavourKey.FREEPBX is facts.flavour:
        facts.dialled |= await _freepbx_trunks(asking)
    facts.recorded_into = sorted(folders, key=lambda folder: (-folders[folder], folder))
    return facts


def _take(facts: DialplanFacts, row: Frame) -> None:
    context = present(row.get("Context"))
    if not context:
        return
    facts.extensions.setdefault(context, set())
    if included := present(row.get("IncludeContext")):
        facts.includes[context].add(included.partition(",")[0])
    if extension := present(row.get("Extension")):
        facts.extensions[context].add(extension)


async def _variables(asking: Asking, arguments: Iterable[str]) -> Mapping[str, str]:
    """The values of global variables in the names of dialled devices, as in `PJSIP/${EXTEN}@${TRUNK}`."""
    wanted = {
        variable
        for data in arguments
        for name in _DIALLED.findall(data)
        for variable in _VARIABLE.findall(name)
        if variable != "EXTEN"
    }
    return {name: await global_variable(asking, name) for name in sorted(wanted)[:_MOST_VARIABLES]}


async def global_variable(asking: Asking, name: str) -> str:
    """Empty if it is not set, or may not be asked."""
    answer = await asking.one("Getvar", optional=True, Variable=name)
    return present(answer.get("Value"))


async def _freepbx_trunks(asking: Asking) -> set[str]:
    """FreePBX keeps its trunks in OUT_1, OUT_2 …: `PJSIP/carrier`. Source: its extensions_additional.conf."""
    found, gap = set(), 0
    for number in range(1, _MOST_FREEPBX_TRUNKS + 1):
        value = await global_variable(asking, f"OUT_{number}")
        gap = 0 if value else gap + 1
        if gap >= _FREEPBX_GAP:
            break
        if value:
            found.add(value.partition("/")[2].partition("/")[0] or value)
    return found
