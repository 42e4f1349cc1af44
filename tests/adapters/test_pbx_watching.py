"""Calls as they begin, from events alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.ids import Timestamp
from pbx_adapter.asterisk.ami.protocol import Frame
from pbx_adapter.asterisk.setup.watching import Watcher
from tests.adapters.asterisk_kit import settings_for
from tests.adapters.scripted_pbx import channel


def watcher() -> Watcher:
    return Watcher(settings_for(5038, trunks=["trunk"]))


def begun(uniqueid: str, **headers: str) -> dict[str, str | list[str]]:
    return {"Event": "Newchannel", "ChannelStateDesc": "Ring", **channel(uniqueid, **headers)}


AT = Timestamp(1_700_000_000.0)


def test_the_lines_number_comes_from_the_variable_where_the_extension_is_none() -> None:
    watch = watcher()
    assert watch.feed(begun("1.1", Exten="s"), AT, 0.0) == []
    found: Frame = {"Event": "VarSet", "Uniqueid": "1.1", "Variable": "__FROM_DID", "Value": "74950000009"}
    (call,) = watch.feed(found, AT, 0.1)
    assert (call.line, call.caller, call.from_outside) == ("74950000009", "79161234567", True)
    assert watch.tick(5.0) == []


def test_a_call_without_a_variable_is_shown_after_a_second_or_at_its_end() -> None:
    watch = watcher()
    watch.feed(begun("1.1"), AT, 0.0)
    assert watch.tick(0.5) == []
    assert [call.line for call in watch.tick(1.0)] == ["74950000001"]
    watch.feed(begun("1.2", Exten="s"), AT, 2.0)
    assert [call.line for call in watch.feed({"Event": "Hangup", "Uniqueid": "1.2"}, AT, 2.1)] == [""]


def test_legs_helpers_and_phones_are_told_apart() -> None:
    watch = watcher()
    leg = begun("1.2", name="PJSIP/101-00000002")
    leg["Linkedid"] = "1.1"
    assert watch.feed(leg, AT, 0.0) == []
    watch.feed(begun("1.3", name="Local/101@x-00000001;1"), AT, 0.0)
    phone = begun("1.4", name="PJSIP/101-00000003", CallerIDNum="101", Context="internal", Exten="102")
    watch.feed(phone, AT, 0.0)
    assert [(call.trunk, call.from_outside) for call in watch.tick(2.0)] == [("101", False)]


def test_a_flood_of_calls_is_bounded_and_values_are_cut() -> None:
    watch = watcher()
    for number in range(5_000):
        watch.feed(begun(f"1.{number}", CallerIDNum="9" * 200), AT, 0.0)
    calls = watch.tick(2.0)
    assert 0 < len(calls) <= 200
    assert len(calls[0].caller) <= 80


HEADERS = [
    "Event",
    "Uniqueid",
    "Linkedid",
    "Channel",
    "Exten",
    "Context",
    "CallerIDNum",
    "Variable",
    "Value",
    "ChannelStateDesc",
]
VALUES = ["Newchannel", "VarSet", "Hangup", "1.1", "1.2", "PJSIP/trunk-00000001", "Local/x@y;1", "s", "DID", "Ring"]
FRAMES = st.lists(
    st.dictionaries(
        st.sampled_from(HEADERS),
        st.sampled_from(VALUES) | st.text(max_size=40) | st.lists(st.text(max_size=5), min_size=2, max_size=3),
    ),
    max_size=60,
)


@given(FRAMES)
def test_whatever_the_pbx_sends_a_call_is_shown_once_and_as_plain_text(frames: list[Frame]) -> None:
    watch = watcher()
    begun_calls = sum("Newchannel" in frame.get("Event", "") for frame in frames)
    shown = [call for number, frame in enumerate(frames) for call in watch.feed(frame, AT, number / 10)]
    shown += watch.tick(1_000.0)
    assert len(shown) <= begun_calls
    assert watch.end() == []
    assert all(text.isprintable() for call in shown for text in (call.caller, call.line, call.trunk, call.context))
