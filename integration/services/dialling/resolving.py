"""The policy's campaign, made of the stored plan and what the account has now: groups, people, PBXs, lines."""

from __future__ import annotations

from dataclasses import replace

from integration.domain.campaigns.callbacks import (
    callbacks_campaign,
    is_of_callbacks,
    line_of,
    rule_of,
    settings_of,
    stand_ins,
)
from integration.domain.campaigns.model import Campaign, CampaignLine, Mode
from integration.domain.campaigns.plan import campaign
from integration.domain.ids import CampaignId, PbxId
from integration.domain.settings import Employee
from integration.ports.campaigns import StoredCampaign
from integration.services.accounts import Account
from integration.services.dialling.floor import line_key


def resolved(stored: StoredCampaign, account: Account) -> Campaign:
    """Never raises: what a plan names and the account does not have any more is left out."""
    if is_of_callbacks(stored.id):
        return _callbacks(stored, account)
    return campaign(
        stored.plan,
        id=stored.id,
        account=stored.account,
        state=stored.state,
        lines=_lines(stored.plan.lines, account),
        members=_members(stored, account),
        zone=account.settings.zone,
    )


def repeats(campaign: CampaignId, account: Account) -> bool:
    """Whether callbacks are on for the line of such a campaign."""
    return account.settings.enabled and rule_of(settings_of(campaign, account.settings)) is not None


def _callbacks(stored: StoredCampaign, account: Account) -> Campaign:
    """Of the callbacks of a line: everybody may be somebody's responsible."""
    settings = account.settings
    line, phones = settings_of(stored.id, settings), _with_phones(account)
    named = [key for manager in stand_ins(settings, line) for key, each in phones.items() if each.manager == manager]
    return callbacks_campaign(
        rule_of(line),
        id=stored.id,
        account=stored.account,
        name=stored.plan.name,
        state=stored.state,
        lines=_lines((line_of(stored.id) or "",), account) or _lines((), account),
        members=list(phones),
        stand_ins=named,
        zone=settings.zone,
    )


def _with_phones(account: Account) -> dict[str, Employee]:
    """Employees whose phone can be rung from here, by key."""
    return {
        each.key: each
        for each in account.settings.employees
        if (pbx := account.pbxs.get(account.pbx_of(each))) is not None and pbx.abilities.dial
    }


def _lines(wanted: tuple[str, ...], account: Account) -> list[CampaignLine]:
    """
    A line on each PBX that can dial, since employees' phones are on all of them; of a line that names its PBX
    (`pbx/number`) only that one. Without any, what the PBX takes.
    """
    pbxs = [key for key, pbx in account.pbxs.items() if pbx.abilities.dial]
    found: dict[str, CampaignLine] = {}
    for each in wanted or ("",):
        named, slash, number = each.rpartition("/")
        for pbx in pbxs:
            if slash and PbxId(named) != pbx:
                continue
            if number and number not in account.settings.lines:
                continue
            key = line_key(pbx, number)
            most = account.settings.line(number or None).calls_at_once
            found[key] = CampaignLine(key=key, pbx=pbx, line=number, most=most or None, caller_id=number or None)
    return list(found.values())


def _members(stored: StoredCampaign, account: Account) -> list[str]:
    """Those who are chosen, and those of the chosen groups of the CRM, if their phone can be rung from here."""
    plan = stored.plan
    groups = set(plan.groups)
    in_groups = {
        manager.id for manager in account.managers.values() if any(group.key in groups for group in manager.groups)
    }
    return [
        key
        for key, each in _with_phones(account).items()
        if key in plan.employees or (each.manager is not None and each.manager in in_groups)
    ]


def employee_first(made: Campaign) -> Campaign:
    """The same campaign with a call only for somebody who is free: where the PBX cannot keep a client waiting."""
    return replace(made, mode=Mode.PROGRESSIVE) if made.mode is Mode.PREDICTIVE else made
