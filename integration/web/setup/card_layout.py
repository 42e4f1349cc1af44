"""What the card shows and in which order: a part of the wizard's screen about lines and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from integration.domain.access import Permission
from integration.domain.settings import CARD_FIELDS, CardField
from integration.domain.setup import Step
from integration.errors import DozvonError
from integration.texts.setup import setup_texts
from integration.web.forms import read_form
from integration.web.language import with_language
from integration.web.permissions import needs
from integration.web.setup.frame import Frame, Opened

Fields = tuple[CardField, ...]


def moved(fields: Fields, field: CardField, how: str) -> Fields:
    """
    The fields after one press: `up`, `down`, `hide`, or `show` (at the end). What cannot be done changes nothing:
    another administrator may have done it in the meantime.
    """
    if how == "show":
        return fields if field in fields else (*fields, field)
    if field not in fields:
        return fields
    place = fields.index(field)
    others = [each for each in fields if each is not field]
    if how == "hide":
        return tuple(others)
    others.insert(max(0, place - 1) if how == "up" else place + 1, field)
    return tuple(others)


def card_fields_of(document: Mapping[str, Any]) -> Fields:
    """Of a stored account."""
    stored = document.get("card_fields")
    return tuple(CardField(each) for each in stored) if isinstance(stored, list | tuple) else CARD_FIELDS


def layout_shown(opened: Opened, lang: str) -> dict[str, Any]:
    """For the template: fields with their texts, those that are shown in their order, then the hidden ones."""
    s = setup_texts(lang)
    fields = card_fields_of(opened.parts.account_document)

    def shown(field: CardField) -> dict[str, str]:
        return {"key": field.value, "label": s[f"card_field_{field}"], "sample": s[f"card_sample_{field}"]}

    return {
        "action": opened.path(Step.LINES, below="card"),
        "shown": [shown(each) for each in fields],
        "hidden": [shown(each) for each in CARD_FIELDS if each not in fields],
        "is_usual": fields == CARD_FIELDS,
    }


class CardLayoutForm:
    """Takes the presses. The screen about lines shows the form."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> Sequence[web.AbstractRouteDef]:
        return needs(Permission.CHANGE_OFFICE, web.post("/admin/setup/{office}/lines/card", self.press))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """`do`: `up.deals`, `down.deals`, `hide.deals`, `show.deals`, or `usual`."""
        opened, form = await self._frame.open(request), await read_form(request)
        if opened.parts.account is None:
            raise web.HTTPSeeOther(with_language(request, opened.path(Step.CRM)))
        how, _, name = form.get("do", "").partition(".")
        fields, place = CARD_FIELDS, "card"
        if how != "usual":
            if how not in ("up", "down", "hide", "show") or name not in set(CARD_FIELDS):
                raise web.HTTPBadRequest
            fields = moved(card_fields_of(opened.parts.account_document), CardField(name), how)
            place = f"card-{name}"
        document = {key: value for key, value in opened.parts.account_document.items() if key != "card_fields"}
        if fields != CARD_FIELDS:
            document["card_fields"] = [each.value for each in fields]
        try:
            await self._frame.put_account(request, opened, form, document)
        except DozvonError as exc:
            self._frame.refused(request, exc, {})  # raises what nobody can mend here
            raise await self._frame.shell.told(request, opened.path(Step.LINES, "card"), "changed_by_another") from exc
        raise web.HTTPSeeOther(with_language(request, opened.path(Step.LINES, place)))
