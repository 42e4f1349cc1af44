"""Campaigns in the files of `dozvon export` and `dozvon apply`: there and back they are the same, and lists stay."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.__main__ import main
from integration.documents.campaigns import WrittenCampaign, read_campaigns
from integration.documents.problems import InvalidDocument
from integration.domain.campaigns.model import CampaignState, EntryNumber
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.ids import AccountId, CampaignId, Extension
from integration.domain.settings import AccountSettings, Employee, LineSettings
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import ConfigError
from integration.ports.campaigns import EntryQuery, NewEntry
from integration.process.campaign_files import CampaignFiles
from integration.storage import Storage, open_storage
from tests.databases import sqlite_url
from tests.unit.test_campaign_documents import PLANS

SALES = AccountId("sales")
WHO = Author(kind=AuthorKind.COMMAND, command="dozvon apply", user="olga")
SPRING = """
[[campaign]]
account = "sales"
id = "spring"
name = "Весна"
employees = ["101"]
"""
OFFICE = """
[[account]]
id = "sales"
office = "acme"
[account.amocrm]
client_id = "6f0d3c1e-0000-0000-0000-000000000000"
client_secret = "geheim"
[account.asterisk]
host = "127.0.0.1"
username = "dozvon"
secret = "geheim"
"""


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = await open_storage(sqlite_url(tmp_path), tmp_path)
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.AbstractEventLoop, Storage, Storage]]:
    """Two installations for all examples: each example has its own account."""
    loop = asyncio.new_event_loop()
    folders = [tmp_path_factory.mktemp(name) for name in ("one", "other")]
    opened = [loop.run_until_complete(open_storage(f"sqlite:///{each / 'd.db'}", each)) for each in folders]
    yield loop, opened[0], opened[1]
    for each in opened:
        loop.run_until_complete(each.close())
    loop.close()


IDS = st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True).filter(lambda each: each not in ("new", "do-not-call"))
MADE: list[int] = []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=st.dictionaries(IDS, PLANS, min_size=1, max_size=3))
def test_what_is_exported_and_applied_elsewhere_is_the_same(
    two: tuple[asyncio.AbstractEventLoop, Storage, Storage], plans: dict[str, CampaignPlan]
) -> None:
    loop, here, there = two
    MADE.append(1)
    loop.run_until_complete(_carried(here, there, AccountId(f"a{len(MADE)}"), plans))


async def _carried(here: Storage, there: Storage, account: AccountId, plans: dict[str, CampaignPlan]) -> None:
    for key, plan in plans.items():
        await here.campaigns.make(account, CampaignId(key), plan, by="Ольга")
    exported = await CampaignFiles(here.campaigns, here.settings).export([account])
    carried = tomllib.loads(tomli_w.dumps({"campaign": exported}))
    files = CampaignFiles(there.campaigns, there.settings)
    planned = await files.plans(carried, {account})
    assert len(planned) == len(plans)
    for each in planned:
        assert each.differences
        await files.apply(each, who=WHO)
    assert {each.id: each.plan for each in await there.campaigns.all(account)} == plans
    assert [each for each in await files.plans(carried, {account}) if each.differences] == [], "once is enough"
    assert await files.export([account]) == exported


async def test_a_changed_plan_is_compared_and_its_list_and_state_stay(storage: Storage) -> None:
    files = CampaignFiles(storage.campaigns, storage.settings)
    (new,) = await files.plans(tomllib.loads(SPRING), {SALES})
    await files.apply(new, who=WHO)
    key = CampaignId("spring")
    made = await storage.campaigns.get(SALES, key)
    assert made is not None
    assert made.state is CampaignState.DRAFT
    assert "olga" in made.made_by
    await storage.entries.add(SALES, key, [NewEntry(numbers=(EntryNumber(e164="+79161234567"),))], office=SALES)
    await storage.campaigns.set_state(SALES, key, CampaignState.RUNNING, by="Ольга", only_from=[CampaignState.DRAFT])
    (changed,) = await files.plans(tomllib.loads(SPRING + "ring_seconds = 40\n"), {SALES})
    assert [str(each) for each in changed.differences] == ["~ ring_seconds: 25 -> 40"]
    await files.apply(changed, who=WHO)
    stored = await storage.campaigns.get(SALES, key)
    assert stored is not None
    assert (stored.plan.ring_seconds, stored.state) == (40, CampaignState.RUNNING)
    assert len(await storage.entries.listing(SALES, key, EntryQuery())) == 1
    with pytest.raises(ConfigError, match="apply the file again"):
        await files.apply(changed, who=WHO)


async def test_what_a_plan_names_and_the_account_does_not_have_is_told(storage: Storage) -> None:
    files = CampaignFiles(storage.campaigns, storage.settings)
    anna = Employee(extension=Extension("101"))
    known = AccountSettings(account=SALES, employees=(anna,), lines={"74950000001": LineSettings()})
    await storage.settings.change(SALES, lambda _: known)
    plan = CampaignPlan(name="x", employees=("101", "102"), lines=("pbx/74950000001", "74950000002", "pbx/"))
    written = WrittenCampaign(account=SALES, id=CampaignId("spring"), plan=plan)
    assert await files.unknown(written) == ["employee 102", "line 74950000002"]


async def test_a_campaign_of_an_account_that_nobody_knows_is_refused(storage: Storage) -> None:
    files = CampaignFiles(storage.campaigns, storage.settings)
    with pytest.raises(ConfigError, match="there is no account sales"):
        await files.plans(tomllib.loads(SPRING), {AccountId("other")})


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({"id": "spring", "name": "x"}, "campaign.spring.account"),
        ({"account": "sales", "name": "x"}, "campaign[0].id"),
        ({"account": "sales", "id": "Spring", "name": "x"}, "campaign[0].id"),
        ({"account": "sales", "id": "do-not-call", "name": "x"}, "campaign.do-not-call.id"),
        ({"account": "sales", "id": "spring", "name": "x", "week": []}, "campaign.spring.week"),
        ({"account": "sales", "id": "spring", "name": "x", "entries": []}, "campaign.spring.entries"),
        (7, "campaign[0]"),
    ],
)
def test_each_wrong_field_of_a_campaign_is_named(raw: object, field: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        read_campaigns([raw])
    assert field in [each.key for each in refused.value.problems]


def test_one_campaign_is_named_once() -> None:
    one = WrittenCampaign(account=SALES, id=CampaignId("spring"), plan=CampaignPlan(name="x")).document()
    with pytest.raises(InvalidDocument, match="twice"):
        read_campaigns([one, one])
    assert len(read_campaigns([one, {**one, "account": "north"}])) == 2


def test_the_commands_carry_an_office_with_its_campaigns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toml, file = tmp_path / "dozvon.toml", tmp_path / "office.toml"
    toml.write_text(f'[server]\npublic_url = "http://127.0.0.1:1"\ndata_dir = "{tmp_path / "data"}"\n')
    options = ["--config", str(toml)]
    file.write_text(OFFICE + SPRING)
    assert main(["apply", str(file), *options, "--dry-run"]) == 1
    assert "campaign/sales/spring, new:" in capsys.readouterr().out
    assert main(["apply", str(file), *options]) == 0
    assert main(["apply", str(file), *options, "--dry-run"]) == 0
    assert main(["export", "acme", *options, "-o", str(file)]) == 0
    (campaign,) = tomllib.loads(file.read_text())["campaign"]
    assert (campaign["account"], campaign["id"], campaign["name"]) == ("sales", "spring", "Весна")
    file.write_text(SPRING.replace("Весна", "Лето"))
    assert main(["apply", str(file), *options]) == 0, "a file of campaigns alone"
    capsys.readouterr()
    file.write_text(SPRING.replace('"sales"', '"nowhere"'))
    assert main(["apply", str(file), *options]) == 2
    assert "there is no account nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(
    "ends", [{"script": "Добрый день!\n" * 300}, {"employees": tuple(f"{each}" for each in range(200, 230))}]
)
async def test_a_change_at_the_end_of_a_long_setting_is_one(storage: Storage, ends: dict[str, Any]) -> None:
    files = CampaignFiles(storage.campaigns, storage.settings)
    plan = replace(CampaignPlan(name="Весна"), **ends)
    await storage.campaigns.make(SALES, CampaignId("spring"), plan, by="Ольга")
    (document,) = await files.export([SALES])
    (name,) = ends
    document[name] = [*document[name], "299"] if isinstance(document[name], list) else f"{document[name]}?"
    (planned,) = await files.plans({"campaign": [document]}, {SALES})
    assert [each.key for each in planned.differences] == [name]
    await files.apply(planned, who=WHO)
    stored = await storage.campaigns.get(SALES, CampaignId("spring"))
    assert stored is not None
    assert stored.plan == read_campaigns([document])[0].plan
