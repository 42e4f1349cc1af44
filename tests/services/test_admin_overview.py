"""The administrators' overview: connections, the switch, what is wrong and what helps."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from integration.domain.connections.link import Link, LinkPhase
from integration.domain.connections.state import FailedChange, StateReason, why
from integration.domain.crm.entities import CrmCondition, CrmTrouble
from integration.domain.ids import AccountId, PbxId, Timestamp
from integration.errors import Unavailable
from integration.texts import LANGUAGES
from integration.texts.connections import STATUSES, state_sentence
from integration.texts.pages import texts
from integration.web.pages.overview import SWITCH_OFF_CONSEQUENCES
from tests.services.admin_office import Office
from tests.services.conftest import (
    ACME,
    SOMEBODY,
)


async def test_the_phone_book_is_read_anew_on_demand(signed_in: Office) -> None:
    html = await signed_in.send("/admin/acme/phone-book")
    assert signed_in.doubted == [ACME]
    assert any(texts(lang)["reading_anew"] in html for lang in LANGUAGES)


async def test_the_integration_is_switched_off_and_on(signed_in: Office) -> None:
    await signed_in.send("/admin/acme/enabled", enabled="", confirmed="1")
    assert not signed_in.world.account.settings.enabled
    await signed_in.send("/admin/acme/enabled", enabled="1")
    assert signed_in.world.account.settings.enabled


async def test_the_second_who_switches_is_told(signed_in: Office) -> None:
    world = signed_in.world
    shown = str(world.account.revision)
    await world.accounts.set_enabled(world.account, enabled=False, who=SOMEBODY)
    await world.accounts.set_enabled(world.account, enabled=True, who=SOMEBODY)
    html = await signed_in.send("/admin/acme/enabled?lang=en", enabled="", confirmed="1", shown=shown)
    assert "Somebody has changed the switch. Nothing was saved" in html
    assert "Administrator 3fa2c1 from 10.0.0.5: Integration: off → on" in html
    assert "The integration is on" in html
    html = await signed_in.send(
        "/admin/acme/enabled?lang=en", enabled="", confirmed="1", shown=str(world.account.revision)
    )
    assert "The integration is off: calls take" in html
    [undo] = re.findall(r'action="(/admin/acme/changes/\d+/undo)"', html)
    assert "The change was undone." in await signed_in.send(undo)
    assert world.account.settings.enabled


async def test_the_overview_claims_nothing_of_a_crm_that_was_not_asked(signed_in: Office) -> None:
    assert "Ещё не опрошена" not in await signed_in.page("/admin/acme")
    signed_in.world.account.crm_was_asked = False
    assert "Ещё не опрошена" in await signed_in.page("/admin/acme")


@pytest.mark.parametrize("lang", ["ru", "uk", "en"])
async def test_the_overview_says_what_is_wrong_with_the_crm_and_offers_the_button_where_it_helps(
    signed_in: Office, lang: str
) -> None:
    world = signed_in.world
    crm = world.crm
    said = set()
    for trouble in CrmTrouble:
        crm.condition = CrmCondition(trouble=trouble, detail="amoCRM <said> so", until=1_700_000_000.0)
        page = await signed_in.page(f"/admin/acme?lang={lang}")
        sentence = state_sentence(world.states.crm(ACME), lang)
        said.add(sentence)
        assert sentence in html.unescape(page)
        assert "amoCRM &lt;said&gt; so" in page
        assert ("/admin/acme/connect" in page) is trouble.is_for_consent
    assert len(said) == len(CrmTrouble)
    assert not CrmTrouble.UNPAID.is_for_consent
    crm.condition = CrmCondition()
    assert STATUSES["ready"][LANGUAGES.index(lang)] in html.unescape(await signed_in.page(f"/admin/acme?lang={lang}"))


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        (
            "ru",
            [
                "Вход в АТС отклонён: неверное имя или пароль,",
                "Пользователь: dozvon.",
                "Следующая попытка: через 42 с, в 01:14:02 MSK",
            ],
        ),
        (
            "uk",
            [
                "Вхід до АТС відхилено: неправильне ім’я чи пароль,",
                "Користувач: dozvon.",
                "Наступна спроба: через 42 с, о 01:14:02 MSK",
            ],
        ),
        (
            "en",
            [
                "The PBX refuses the login: wrong user or password,",
                "User: dozvon.",
                "Next try: in 42 s, at 01:14:02 MSK",
            ],
        ),
    ],
)
async def test_the_overview_says_why_a_pbx_is_away_and_when_it_is_tried_again(
    signed_in: Office, lang: str, said: list[str]
) -> None:
    world = signed_in.world
    now = world.clock.now()
    fault = why(StateReason.LOGIN_REFUSED, user="dozvon")
    world.pbx.away = Link(
        phase=LinkPhase.WAITING, fault=fault, detail="<refused>", next_try=Timestamp(now + 42), since=now
    )
    page = html.unescape(await signed_in.page(f"/admin/acme?lang={lang}"))
    assert all(sentence in page for sentence in said)
    assert texts(lang)["since_when"].format(when="15.11.2023 01:13:20 MSK") in page
    assert "&lt;refused&gt;" in await signed_in.page(f"/admin/acme?lang={lang}")
    world.clock.advance(43)  # a try is under way
    assert said[-1].split(":")[0] not in await signed_in.page(f"/admin/acme?lang={lang}")


async def test_an_account_that_could_not_be_started_is_on_the_first_page(signed_in: Office) -> None:
    world = signed_in.world
    assert "not running" not in (await signed_in.page("/admin?lang=en")).lower(), "one account: its own page"
    failed = FailedChange(detail="the driver is missing", since=world.clock.now())
    world.failures.failed_crms[AccountId("south")] = failed
    world.failures.failed_pbxs[PbxId("branch")] = failed
    page = await signed_in.page("/admin?lang=en")
    assert page.count("the driver is missing") == 2
    assert "/admin/acme" in page
    assert "/admin/south" not in page
    assert "branch" in page


async def test_of_a_pbx_that_lists_no_extensions_the_mapped_ones_are_known(signed_in: Office) -> None:
    pbx = signed_in.world.pbx
    pbx.abilities = replace(pbx.abilities, lists_extensions=False)
    pbx.fail_next.append(Unavailable("nobody should have asked"))
    page = await signed_in.page("/admin/acme/people?lang=en")
    assert ">101" in page
    assert texts("en")["pbx_silent"].split("{")[0] not in page
    assert len(pbx.fail_next) == 1


def is_on(office: Office) -> bool:
    return office.world.account.settings.enabled


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_switching_off_is_asked_for_and_names_what_follows(signed_in: Office, lang: str) -> None:
    """Also without the script: then the question is a page."""
    world, words = signed_in.world, texts(lang)
    shown = str(world.account.revision)
    consequences = [words[key] for key in SWITCH_OFF_CONSEQUENCES]
    overview = await signed_in.page(f"/admin/acme?lang={lang}")
    page = await signed_in.send(f"/admin/acme/enabled?lang={lang}", enabled="", shown=shown)
    assert is_on(signed_in)
    for each in (overview, page):
        assert all(sentence in html.unescape(each) for sentence in consequences)
        assert f'name="shown" value="{shown}"' in each
    assert 'href="/admin/acme"' in page, "the way back"
    said = await signed_in.send("/admin/acme/enabled", enabled="", shown=shown, confirmed="1")
    assert not is_on(signed_in)
    assert 'class="message warn"' in said, "not in green"
    await signed_in.send("/admin/acme/enabled", enabled="1", shown=str(world.account.revision))
    assert is_on(signed_in), "switching on needs no question"
