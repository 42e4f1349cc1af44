"""The bench of machine detection, with a few samples, on a real Asterisk."""

from __future__ import annotations

import pytest

from bench import amd
from bench.amd_samples import Answers, samples, speaker
from integration.domain.calls.received import Answerer

pytestmark = pytest.mark.lab


def test_every_sample_has_a_verdict_and_the_table_counts_it() -> None:
    said = amd.run(size=amd.Size(voices=1, levels=(-10.0,), texts=1))
    assert said["bench"] == "amd"
    for name in amd.SETTINGS:
        told = said["detail"][f"Asterisk 22, {name}"]
        counted = {kind: sum(row.values()) for kind, row in told["taken_for"].items()}
        assert counted == {each.value: 1 if each in (Answers.SILENCE, Answers.FAX) else 3 for each in Answers}
        assert told["taken_for"][Answers.SHORT.value][Answerer.PERSON] >= 2, "a word at a usual level is a person"
        assert told["taken_for"][Answers.FAX.value][Answerer.MACHINE] == 1
    assert [aim["unit"] for aim in said["aims"]] == ["%"] * 3


async def test_samples_are_the_same_each_time_and_named_for_the_dialplan() -> None:
    _, speak = speaker()
    once, again = [await samples(speak, voices=1, levels=(-6.0,), texts=1) for _ in range(2)]
    assert once == again
    assert len({each.name for each in once}) == len(once)
    assert all(each.name.replace("-", "").isalnum() and each.name[0].isalpha() for each in once)
