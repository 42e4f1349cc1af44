"""A setup asks a kind of PBX only what it can answer, and its fakes answer like a PBX."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace

import pytest

from integration.domain.connections.abilities import PbxAbilities
from integration.domain.ids import PbxId, Timestamp
from integration.errors import NotFound, Rejected, Unavailable
from integration.ports.pbx_setup import PbxSetup, RingOutcome, RingResult, RouteWishes, SeenCall, Survey
from integration.services.pbx_setup import NO_ABILITY, GuardedSetup
from integration.testing import PBX_ABILITIES, FakePbx, FakePbxKind, FakePbxSetup

NOTHING = PbxAbilities(**{field.name: False for field in fields(PbxAbilities)})
WISHES = RouteWishes(reserve="101")
CALL = SeenCall(at=Timestamp(1.0), caller="+7916", line="7495", trunk="trunk", context="in", from_outside=True)

Question = Callable[[PbxSetup], Awaitable[object]]


async def watched(setup: PbxSetup) -> list[SeenCall]:
    return [call async for call in setup.watch_calls(1.0)]


async def route_text(setup: PbxSetup) -> object:
    return setup.route_setup(WISHES)


QUESTIONS: dict[str, tuple[str, Question]] = {
    "survey": ("surveys", lambda setup: setup.survey()),
    "watch": ("shows_calls", watched),
    "ring": ("rings_alone", lambda setup: setup.ring("101", seconds=1)),
    "route": ("routes", route_text),
    "write": ("writes_routes", lambda setup: setup.write_route_setup(WISHES, dry=False)),
    "remove": ("writes_routes", lambda setup: setup.remove_route_setup(dry=False)),
    "check": ("routes", lambda setup: setup.check_route_setup()),
    "phones": ("makes_phones", lambda setup: setup.write_phones([], dry=False)),
    "newest": ("recordings", lambda setup: setup.newest_recordings(3)),
}


@pytest.mark.parametrize("name", QUESTIONS)
async def test_without_the_ability_the_pbx_is_not_asked(name: str) -> None:
    ability, ask = QUESTIONS[name]
    fake = FakePbxSetup(fail_next=[Unavailable("asked")])
    with pytest.raises(Rejected) as refused:
        await ask(GuardedSetup(replace(PBX_ABILITIES, **{ability: False}), fake))
    assert refused.value.code == NO_ABILITY
    assert fake.fail_next, "the question did not reach it"


@pytest.mark.parametrize("name", [name for name in QUESTIONS if name != "route"])
async def test_with_the_ability_it_is_asked(name: str) -> None:
    _, ask = QUESTIONS[name]
    with pytest.raises(Unavailable, match="asked"):
        await ask(GuardedSetup(PBX_ABILITIES, FakePbxSetup(fail_next=[Unavailable("asked")])))


async def test_a_kind_that_can_nothing_is_still_checked() -> None:
    guarded = GuardedSetup(NOTHING, FakePbxSetup())
    assert await guarded.diagnose() == []
    assert await guarded.suggest_recordings(Survey(at=Timestamp(0.0))) == []


async def test_the_fake_keeps_what_it_was_asked() -> None:
    fake = FakePbxSetup(
        calls=[CALL], outcomes={"101": RingOutcome(result=RingResult.ANSWERED, has_rung=True)}, files={"a.wav": b"RIFF"}
    )
    assert await watched(fake) == [CALL]
    assert (await fake.ring("101", seconds=1)).result is RingResult.ANSWERED
    assert (await fake.ring("102", seconds=1)).result is RingResult.NO_SUCH_EXTENSION
    assert fake.rung == ["101", "102"]
    assert (await fake.write_route_setup(WISHES, dry=True)).was_done is False
    assert (await fake.remove_route_setup(dry=True)).changes == ()
    assert (await fake.write_route_setup(WISHES, dry=False)).was_done
    assert fake.written == WISHES
    assert (await fake.remove_route_setup(dry=False)).was_done
    assert (await fake.remove_route_setup(dry=False)).was_done is False
    assert [file.name for file in await fake.newest_recordings(1)] == ["a.wav"]
    assert b"".join([chunk async for chunk in fake.recording("a.wav")]) == b"RIFF"
    with pytest.raises(NotFound):
        await anext(aiter(fake.recording("b.wav")))


async def test_the_fake_kind_prepares_and_tries() -> None:
    kind = FakePbxKind()
    prepared = kind.preparation({"host": "pbx"}, flavour="simple", server_address="10.0.0.2")
    assert (prepared.options["host"], prepared.options["secret"]) == ("pbx", "made")
    assert "10.0.0.2" in prepared.steps[0].text
    assert kind.trial(PbxId("pbx"), prepared.options, key="pbx") is kind.setup
    assert kind.tried == [dict(prepared.options)]
    assert await FakePbx(setup=kind.setup).diagnose() == await kind.setup.diagnose()
