"""`dozvon apply` beside a running Dozvon: it takes what was decided, and the calls of the others go on."""

from __future__ import annotations

import itertools
import json
import tomllib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.__main__ import main
from integration.domain.calls.call import Disposition
from integration.domain.campaigns.greeting import Greeting
from integration.domain.campaigns.model import CampaignState, Mode
from integration.domain.campaigns.plan import CampaignPlan
from integration.domain.connections.state import ConnectionStatus, StateReason, why
from integration.domain.ids import AccountId, CampaignId, Extension
from integration.domain.settings import AccountSettings, Employee
from integration.domain.settings_changes import Author, AuthorKind
from integration.errors import ConfigError, Rejected, Unavailable
from integration.ports.findings import FindingLevel
from integration.ports.pbx_connection import PbxConnection
from integration.ports.settings import ChangedMeanwhile
from integration.process.config import Config, parse
from integration.process.doctor import diagnose
from integration.process.offices import Offices
from integration.process.place import opened_storage
from integration.process.process import Dozvon
from integration.services.accounts import Account, Accounts
from integration.storage import Storage, open_storage
from integration.testing import FakeCrm
from pbx_adapter.asterisk.simulator.configuration import DialplanFiles
from tests.adapters.test_reload import CLIENT, NORTH, SOUTH, Place, place, talk
from tests.databases import sqlite_url
from tests.lab.waiting import until, until_told
from tests.unit.test_office_document_round_trip import PARTS, PERSON, dids, extensions, words

__all__ = ["place"]

WHO = Author(kind=AuthorKind.COMMAND, command="dozvon apply", user="olga")


@pytest_asyncio.fixture
async def running(place: Place) -> AsyncIterator[Dozvon]:
    """A process whose configuration file names no account."""
    dozvon = Dozvon(place.config())
    await dozvon.start()
    try:
        yield dozvon
    finally:
        await dozvon.stop()


async def apply(place: Place, *accounts: dict[str, Any], remove: bool = False) -> None:
    """As the command does: another process, with its own connection to the database."""
    config = place.config()
    async with opened_storage(config) as storage:
        offices = Offices(storage.offices, storage.settings)
        for plan in await offices.plans(config, {"account": list(accounts)}, remove=remove):
            await offices.apply(plan, who=WHO)


def is_connected(dozvon: Dozvon, key: AccountId) -> bool:
    member = dozvon.members.get(key)
    return member is not None and member.main.pbx.is_connected


async def test_offices_come_change_and_go_while_another_one_talks(place: Place, running: Dozvon) -> None:
    await apply(place, place.account(NORTH))
    await until(lambda: is_connected(running, NORTH))
    await talk(running, place.offices[NORTH], NORTH)
    tracking = running.members[NORTH].main.tracking
    (call,), links = tracking.live_calls, tracking.links

    await apply(place, place.account(SOUTH))
    await until(lambda: is_connected(running, SOUTH))
    await apply(place, place.account(SOUTH, secret="wrong"))
    await until(lambda: "secret" in running.members[SOUTH].main.pbx.link.detail)
    await apply(place, place.account(SOUTH))
    await until(lambda: is_connected(running, SOUTH))
    await apply(place, {**place.account(SOUTH), "line": {"74950000001": {"reserve": "200"}}})
    await until(lambda: bool(running.members[SOUTH].account.settings.lines))
    storage = running.core.storage
    last = await newest(storage, SOUTH)
    await storage.offices.undo(SOUTH, last.revision, who=last.who)
    await until(lambda: not running.members[SOUTH].account.settings.lines)

    assert [live.id for live in tracking.live_calls] == [call.id]
    assert tracking.links == links, "nothing of the other office was connected again"
    place.offices[NORTH].hangup("101")

    async def has_ended() -> bool:
        stored = await storage.calls.get(NORTH, call.id)
        return stored is not None and (stored.disposition, stored.caller) == (Disposition.ANSWERED, CLIENT)

    await until_told(has_ended)


async def newest(storage: Storage, office: AccountId) -> Any:
    return (await storage.offices.changes(office, limit=1))[0]


async def test_people_of_a_file_are_taken_and_pages_may_change_them(place: Place, running: Dozvon) -> None:
    await apply(place, {**place.account(NORTH), "employee": {"101": "610077"}})
    await until(lambda: NORTH in running.members)
    account = running.members[NORTH].account
    await until(lambda: [(each.extension, each.manager) for each in account.settings.employees] == [("101", "610077")])
    assert not account.named_in_file
    await apply(place, {**place.account(NORTH), "employee": {"102": {"name": "Boris"}}})
    await until(lambda: [each.extension for each in account.settings.employees] == ["102"])


async def test_people_are_read_again_where_the_database_was_away(
    place: Place, running: Dozvon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look that found a change and the reading of it."""
    await apply(place, {**place.account(NORTH), "employee": {"101": "610077"}})
    await until(lambda: NORTH in running.members)
    accounts, tries = running.core.accounts, itertools.count()
    reload = accounts.reload

    async def away_at_first(account: Account) -> None:
        if next(tries) == 0:
            raise Unavailable("the database is away")
        await reload(account)

    monkeypatch.setattr(accounts, "reload", away_at_first)
    await apply(place, {**place.account(NORTH), "employee": {"102": "610078"}})
    account = running.members[NORTH].account
    await until(lambda: [each.extension for each in account.settings.employees] == ["102"])


async def test_what_stands_in_the_configuration_file_wins(place: Place) -> None:
    await apply(place, {**place.account(NORTH), "language": "uk"})
    dozvon = Dozvon(place.config(place.account(NORTH)))
    await dozvon.start()
    try:
        assert dozvon.members[NORTH].account.settings.language == "ru"
        await dozvon.reload(place.config())  # it was cut out of the file
        assert dozvon.members[NORTH].account.settings.language == "uk"
    finally:
        await dozvon.stop()


async def test_no_account_of_the_database_takes_over_a_pbx_of_the_file(storage: Storage) -> None:
    """Two connections of one id would be one, and the last would win."""
    offices = Offices(storage.offices, storage.settings)
    (plan,) = await offices.plans(Config(), an_office())
    await offices.apply(plan, who=WHO)
    asterisk = {"host": "192.0.2.1", "username": "u", "secret": "s"}
    shared = {"id": "sales-pbx", "office": "other", "asterisk": asterisk}
    setup = await offices.wanted(parse({"pbx": [shared]}))
    assert [(pbx.id, pbx.office) for pbx in setup.pbxs] == [("sales-pbx", "other")]
    assert setup.accounts == ()


async def test_an_office_that_cannot_be_used_goes_on_as_it_was(place: Place, running: Dozvon) -> None:
    await apply(place, place.account(NORTH))
    await until(lambda: is_connected(running, NORTH))
    storage = running.core.storage
    who = (await newest(storage, NORTH)).who
    await storage.offices.change(
        NORTH, {f"account/{NORTH}": {"id": NORTH, "of": "a newer release"}}, {}, who=who, expected=1
    )
    await apply(place, place.account(SOUTH))
    await until(lambda: is_connected(running, SOUTH))
    assert is_connected(running, NORTH)


async def test_only_with_remove_is_anything_removed(place: Place, running: Dozvon) -> None:
    both = {"office": "acme"}
    await apply(place, {**place.account(NORTH), **both}, {**place.account(SOUTH), **both})
    await until(lambda: set(running.members) == {NORTH, SOUTH})
    await apply(place, {**place.account(NORTH), **both})
    storage = running.core.storage
    assert len((await storage.offices.get(AccountId("acme"))).parts) == 2
    await apply(place, {**place.account(NORTH), **both}, remove=True)
    await until(lambda: set(running.members) == {NORTH})


# ---- the commands ----------------------------------------------------------------------------------------------------


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    file = tmp_path / "dozvon.toml"
    file.write_text(
        f'[server]\nlisten = "127.0.0.1:18080"\ndata_dir = "{tmp_path / "data"}"\nadmin_password = "apply"\n'
    )
    return file


def an_office(**changes: Any) -> dict[str, Any]:
    account = {
        "id": "sales", "office": "acme", "amocrm": {"client_id": "1", "client_secret": "s" * 40},
        "asterisk": {"host": "127.0.0.1", "username": "dozvon", "secret": "geheim"},
        "employee": {"101": "610077"},
    }  # fmt: skip
    return {"account": [{**account, **changes}]}


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "office.toml"
    file.write_text(tomli_w.dumps(an_office()))
    options = ["--config", str(installation)]
    assert main(["apply", str(file), *options, "--dry-run"]) == 1
    said = capsys.readouterr().out
    assert '+ asterisk.host = "127.0.0.1"' in said
    assert "geheim" not in said
    assert main(["export", "acme", *options]) == 2, "nothing was put there"
    assert main(["apply", str(file), *options]) == 0
    assert main(["apply", str(file), *options, "--dry-run"]) == 0, "it is as the file says"
    file.write_text(tomli_w.dumps(an_office(language="uk", asterisk={"host": "127.0.0.2", "username": "dozvon"})))
    capsys.readouterr()
    assert main(["apply", str(file), *options]) == 0, "a secret that the file leaves out stays"
    said = capsys.readouterr().out
    assert '~ asterisk.host: "127.0.0.1" -> "127.0.0.2"' in said
    assert '+ language = "uk"' in said
    assert main(["history", "acme", *options]) == 0
    said = capsys.readouterr().out
    assert "~ asterisk.host" in said
    assert "dozvon apply (user " in said
    assert main(["history", "acme", *options, "--undo", "2"]) == 0
    capsys.readouterr()
    assert main(["export", "acme", *options]) == 0
    exported = capsys.readouterr().out
    assert "geheim" not in exported
    assert "account/sales: asterisk.secret" in exported
    assert tomllib.loads(exported)["account"][0]["asterisk"]["host"] == "127.0.0.1"


def test_a_whole_office_is_removed_and_brought_back(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last account of an office, which no file can leave out."""
    file, options = tmp_path / "office.toml", ["--config", str(installation)]
    file.write_text(tomli_w.dumps(an_office()))
    assert main(["apply", str(file), *options]) == 0
    assert main(["remove", "acme", *options, "--dry-run"]) == 1
    assert "account/sales (removed)" in capsys.readouterr().out
    assert main(["apply", str(file), *options, "--dry-run"]) == 0, "nothing was removed"
    assert main(["remove", "acme", *options]) == 0
    said = capsys.readouterr().out
    assert "--undo 2" in said
    assert "geheim" not in said
    assert main(["remove", "acme", *options]) == 2, "there is none any more"
    assert main(["history", "acme", *options, "--undo", "2"]) == 0
    assert main(["apply", str(file), *options, "--dry-run"]) == 0, "with its secrets and people"


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("", "neither"),
        ("account = 1", "two brackets"),
        ('[account]\nid = "a"', "two brackets"),
        ("[[account]]\nid = 5e3", "id"),
        ('[[account]]\nid = "sales"\nid = "sales"', "not valid TOML"),
        ('[[account]]\nid = "sales"\n[[account]]\nid = "sales"', "twice"),
        ('[[account]]\nid = "sales"', "client_id"),
        ('[[account]]\nid = "sales"\npbxs = ["branch"]\n[account.amocrm]\nclient_id="1"\nclient_secret="s"', "branch"),
        ('[[pbx]]\nid = "branch"\n[pbx.asterisk]\nhost = "h"\nusername="u"\nsecret="s"', "office"),
        ('[[pbx]]\nid = "branch"\noffice = "acme"\n[pbx.asterisk]\nhost = "h"\nusername="u"', "secret"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_told_and_changes_nothing(
    written: str, says: str, installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "office.toml"
    file.write_text(written)
    assert main(["apply", str(file), "--config", str(installation)]) == 2
    said = capsys.readouterr()
    assert says in said.err
    assert "Traceback" not in said.err
    assert main(["history", "acme", "--config", str(installation)]) == 0
    assert "nothing was ever changed" in capsys.readouterr().out


def test_an_undo_that_would_leave_a_wrong_office_is_told(
    installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An account that is back needs the PBX that it names."""
    file, options = tmp_path / "office.toml", ["--config", str(installation)]
    branch = {"id": "branch", "office": "acme", "asterisk": {"host": "h", "username": "u", "secret": "s"}}
    account = {**an_office()["account"][0], "pbxs": ["branch"]}
    for content in (
        {"account": [account], "pbx": [branch]},
        {"pbx": [branch]},
        {"account": [an_office(id="service")["account"][0]]},
    ):
        file.write_text(tomli_w.dumps(content))
        assert main(["apply", str(file), *options, "--remove"]) == 0
    assert main(["history", "acme", *options, "--undo", "2"]) == 2
    assert "account.sales.pbxs: there is no PBX" in capsys.readouterr().err
    assert main(["history", "nowhere", *options, "--undo", "2"]) != 0
    assert "there is no office nowhere" in capsys.readouterr().err


async def test_a_refused_plan_changes_nobodys_people(storage: Storage) -> None:
    """An account of another office, or an office that was changed meanwhile."""
    config, offices = Config(), Offices(storage.offices, storage.settings)
    (own,) = await offices.plans(config, an_office())
    (late,) = await offices.plans(config, an_office(employee={"102": "610078"}))
    (strange,) = await offices.plans(config, an_office(office="other", employee={"103": "610079"}))
    await offices.apply(own, who=WHO)
    for refused in (late, strange):
        with pytest.raises(Rejected):
            await offices.apply(refused, who=WHO)
    assert await mapped(storage) == ["101"]


async def mapped(storage: Storage) -> list[str]:
    settings = await storage.settings.load(AccountId("sales"))
    assert settings is not None
    return [each.extension for each in settings.employees]


async def test_people_whom_a_page_changed_since_the_plan_are_not_overwritten(storage: Storage) -> None:
    config, offices = Config(), Offices(storage.offices, storage.settings)
    (first,) = await offices.plans(config, an_office())
    await offices.apply(first, who=WHO)
    (plan,) = await offices.plans(config, an_office(employee={"102": "610078"}, language="uk"))
    olga = Author(kind=AuthorKind.ADMINISTRATOR, session="3fa2c1", address="10.0.0.5")

    def on_the_page(stored: AccountSettings | None) -> AccountSettings:
        assert stored is not None
        return replace(stored, employees=(*stored.employees, Employee(extension=Extension("105"))))

    await storage.settings.change(AccountId("sales"), on_the_page, who=olga)
    with pytest.raises(ChangedMeanwhile, match="administrator 3fa2c1"):
        await offices.apply(plan, who=WHO)
    assert await mapped(storage) == ["101", "105"]
    assert (await storage.offices.get(AccountId("acme"))).revision == 1, "nor was anything else of the plan stored"
    (plan,) = await offices.plans(config, an_office(employee={"102": "610078"}))
    await offices.apply(plan, who=WHO)
    newest = (await storage.settings.changes(AccountId("sales")))[0].change.who
    assert (await mapped(storage), newest) == (["102"], WHO)


async def test_people_of_a_file_stand_on_the_pbxs_of_that_file(storage: Storage) -> None:
    """Who is on the main PBX stays there, also when the same file has made another one the main one."""
    config, offices = Config(), Offices(storage.offices, storage.settings)
    asterisk = {"host": "127.0.0.1", "username": "dozvon", "secret": "s"}
    pbxs = [{"id": name, "office": "acme", "asterisk": asterisk} for name in ("one", "two")]
    account = {key: value for key, value in an_office()["account"][0].items() if key != "asterisk"}
    for order in (["one", "two"], ["two", "one"]):
        (plan,) = await offices.plans(config, {"account": [{**account, "pbxs": order}], "pbx": pbxs})
        await offices.apply(plan, who=WHO)
        setup = await offices.wanted(config)
        accounts = Accounts(storage.settings)
        taken = await accounts.add(setup.accounts[0].settings, FakeCrm(), [])
        assert [each.key for each in taken.settings.employees] == ["101"]


# ---- properties ------------------------------------------------------------------------------------------------------

numbers = itertools.count()
lines = st.dictionaries(dids | st.just("default"), st.fixed_dictionaries({}, optional=PARTS), max_size=3)
people = st.dictionaries(
    extensions, st.integers(1, 10**7) | words | st.fixed_dictionaries({}, optional=PERSON), max_size=3
)


@pytest_asyncio.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    storage = await open_storage(sqlite_url(tmp_path), tmp_path)
    yield storage
    await storage.close()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=lines, employee=people, secret=words, has_branch=st.booleans())
async def test_what_apply_takes_comes_back_from_export(
    storage: Storage, line: dict[str, Any], employee: dict[str, Any], secret: str, has_branch: bool
) -> None:
    number = next(numbers)
    office, config, offices = AccountId(f"o{number}"), Config(), Offices(storage.offices, storage.settings)
    asterisk = {"host": "127.0.0.1", "username": "dozvon", "secret": secret or "s"}
    written = an_office(id=f"a{number}", office=office, line=line, employee=employee, asterisk=asterisk)
    if has_branch:
        written["account"][0]["pbxs"] = [f"p{number}"]
        written["pbx"] = [{"id": f"p{number}", "office": office, "asterisk": asterisk}]
    try:
        (plan,) = await offices.plans(config, written)
    except ConfigError:  # texts of a kind that the adapter refuses
        return
    await offices.apply(plan, who=WHO)
    (again,) = await offices.plans(config, written)
    assert again.is_empty
    exported, secrets = await offices.export(office)
    assert len(secrets) == 2 + has_branch
    carried = tomllib.loads(tomli_w.dumps(json.loads(json.dumps(exported))))
    (again,) = await offices.plans(config, carried, remove=True)
    assert (again.is_empty, again.missing) == (True, ())
    setup = await offices.wanted(config)
    found = next(each for each in setup.accounts if each.id == f"a{number}")
    assert len(found.pbxs) == 1 + has_branch
    assert [pbx.options["secret"] for pbx in setup.pbxs if pbx.id in found.pbxs] == [secret or "s"] * (1 + has_branch)


async def test_what_cannot_be_started_is_tried_again_and_says_so(
    place: Place, running: Dozvon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integration.process.process._AGAIN_SECONDS", 0.5)
    build, kinds = running.core.kinds.pbx, running.core.kinds
    monkeypatch.setattr(kinds, "pbx", _no_driver)
    await apply(place, place.account(NORTH))
    await until(lambda: any(state.next_try for state in running.states.pbxs().values()))
    (pbx,) = running.states.pbxs()
    for state in (running.states.pbx(pbx), running.states.crm(NORTH)):
        assert (state.status, state.reason) == (ConnectionStatus.RETRYING, why(StateReason.CHANGE_FAILED))
    assert running.states.pbx(pbx).detail == "the driver is missing"
    since = running.states.pbx(pbx).since
    first = running.supervisor.next_try
    assert first is not None
    await until(lambda: (running.supervisor.next_try or first) > first)
    assert running.states.pbx(pbx).since == since, "still the same failure"

    monkeypatch.setattr(kinds, "pbx", build)
    await until(lambda: running.states.pbx(pbx).status is ConnectionStatus.READY)
    assert not running.supervisor.failed_crms


def _no_driver(_: object) -> PbxConnection:
    raise ConfigError("the driver is missing")


async def test_the_doctor_names_an_account_that_is_switched_off(place: Place, running: Dozvon) -> None:
    await apply(place, place.account(NORTH))
    await until(lambda: is_connected(running, NORTH))
    checks = [finding.check for finding in (await diagnose(place.config()))[NORTH]]
    assert "switch" not in checks
    account = running.members[NORTH].account
    await running.core.accounts.set_enabled(account, enabled=False, who=(await newest(running.core.storage, NORTH)).who)
    checks = [finding.check for finding in (await diagnose(place.config()))[NORTH]]
    assert "switch" in checks
    assert running.states.crm(NORTH).status is ConnectionStatus.OFF


async def test_the_doctor_warns_of_a_missing_folder_for_sounds_once_a_campaign_needs_it(
    place: Place, running: Dozvon
) -> None:
    place.offices[NORTH].files = DialplanFiles("agi://127.0.0.1:1/office")  # the include is on the PBX
    await apply(place, place.account(NORTH))
    await until(lambda: is_connected(running, NORTH))
    campaigns, one = running.core.storage.campaigns, CampaignId("voice")

    async def levels() -> set[FindingLevel]:
        found = (await diagnose(place.config()))[NORTH]
        return {finding.level for finding in found if finding.check == "campaigns"}

    await campaigns.make(NORTH, CampaignId("calls"), CampaignPlan(name="Calls"), by="olga")
    assert await levels() == {FindingLevel.OK}
    spoken = CampaignPlan(name="Voice", mode=Mode.VOICE, greeting=Greeting(message="Good day"))
    await campaigns.make(NORTH, one, spoken, by="olga")
    assert await levels() == {FindingLevel.WARNING}
    for state, before in ((CampaignState.RUNNING, CampaignState.DRAFT), (CampaignState.STOPPED, CampaignState.RUNNING)):
        assert await campaigns.set_state(NORTH, one, state, by="olga", only_from=(before,))
    assert await levels() == {FindingLevel.OK}, "its calls are over"
