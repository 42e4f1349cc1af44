"""Who may pause whom, and who may end it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from integration.domain.campaigns.pauses import CampaignPause, paused, resumed
from integration.domain.ids import Timestamp

KEYS = ("101", "102", "branch/101")
words = st.builds(
    CampaignPause, by=st.sampled_from(["Ольга", "Анна"]), since=st.just(Timestamp(1.0)), own=st.booleans()
)
pauses = st.dictionaries(st.sampled_from(KEYS), words)
chosen = st.sets(st.sampled_from(KEYS))


@given(pauses, chosen, words)
def test_who_is_paused_is_on_a_pause_and_nobody_else_changes(
    before: dict[str, CampaignPause], keys: set[str], word: CampaignPause
) -> None:
    after = paused(before, keys, word)
    assert set(after) == set(before) | keys
    assert all(after[key] == before[key] for key in before.keys() - keys)
    assert paused(after, keys, CampaignPause(by="later", since=Timestamp(2.0), own=word.own)) == after


@given(pauses, chosen)
def test_an_employee_ends_their_own_word_only_and_a_supervisor_everybody_s(
    before: dict[str, CampaignPause], keys: set[str]
) -> None:
    own = resumed(before, keys, own=True)
    assert own == {key: each for key, each in before.items() if key not in keys or not each.own}
    assert resumed(before, keys, own=False) == {key: each for key, each in before.items() if key not in keys}


def test_a_supervisor_s_word_replaces_the_employee_s_and_not_the_other_way_round() -> None:
    own = CampaignPause(by="Анна", since=Timestamp(1.0), own=True)
    supervisors = CampaignPause(by="Ольга", since=Timestamp(2.0))
    both = paused(paused({}, ["101"], own), ["101"], supervisors)
    assert both == {"101": supervisors}
    assert paused(both, ["101"], own) == both
