"""A campaign's call as a message from one process to another, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from integration.domain.campaigns.reception import Key, KeyMeaning, MachineAction, MachineCheck, Reception, VoiceMessage
from integration.ports.pbx import CampaignCall, FirstLeg


def as_message(request: CampaignCall) -> dict[str, Any]:
    """Without what is not asked for: a process of the previous release knows only the fields of its own."""
    unasked = {"reception": None, "answers_itself": False}
    return {name: value for name, value in asdict(request).items() if unasked.get(name, ...) != value}


def campaign_call(asked: Mapping[str, Any]) -> CampaignCall:
    """Raises: KeyError, TypeError, ValueError: it comes from a newer release."""
    reception = asked.get("reception")
    return CampaignCall(
        **{
            **asked,
            "first": FirstLeg(asked["first"]),
            "reception": None if reception is None else _reception(reception),
        }
    )


def _reception(asked: Mapping[str, Any]) -> Reception:
    check, message = asked["check"], asked["message"]
    return Reception(
        **{
            **asked,
            "check": None if check is None else MachineCheck(**{**check, "then": MachineAction(check["then"])}),
            "message": None if message is None else _message(message),
        }
    )


def _message(asked: Mapping[str, Any]) -> VoiceMessage:
    keys = tuple(Key(**{**key, "meaning": KeyMeaning(key["meaning"])}) for key in asked["keys"])
    return VoiceMessage(**{**asked, "keys": keys})
