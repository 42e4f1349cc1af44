"""A widget archive with an error is refused with a sentence that names the error, as at amoCRM's upload."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from connectors.amocrm.sandbox.archive import png_size, read
from tests.adapters.amocrm_sandbox_kit import ADMIN, ANNA, OFFICE, Crm, packed, png, running_sandbox, widget_files

Files = dict[str, Any]


def test_a_sound_archive_has_no_faults() -> None:
    found = read(packed(widget_files()))
    assert found.errors == []
    assert set(found.texts) == {"ru", "en"}


def without(name: str) -> Callable[[Files], None]:
    return lambda files: files.__delitem__(name)


def manifest(**changes: Any) -> Callable[[Files], None]:
    return lambda files: files["manifest.json"].update(changes)


def widget(**changes: Any) -> Callable[[Files], None]:
    return lambda files: files["manifest.json"]["widget"].update(changes)


def replaced(name: str, content: bytes) -> Callable[[Files], None]:
    return lambda files: files.__setitem__(name, content)


def without_text(locale: str, section: str, key: str) -> Callable[[Files], None]:
    return lambda files: files[f"i18n/{locale}.json"][section].__delitem__(key)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (without("manifest.json"), "Нет обязательного файла manifest.json"),
        (without("script.js"), "Нет обязательного файла script.js"),
        (without("i18n/en.json"), "Нет файла i18n/en.json для языка en из widget.locale"),
        (without("images/logo_min.png"), "Нет обязательного логотипа images/logo_min.png (84x84)"),
        (replaced("images/logo_min.png", png(85, 84)), "images/logo_min.png: размер 85x84, требуется 84x84"),
        (replaced("images/logo.png", b"GIF89a"), "images/logo.png: не PNG"),
        (replaced("images/logo.png", png(130, 100) + bytes(300 * 1024)), "images/logo.png: больше 300 КБ"),
        (replaced("i18n/ru.json", b"[]"), "i18n/ru.json: ожидается объект"),
        (without_text("en", "widget", "name"), "i18n/en.json: нет ключа widget.name"),
        (without_text("en", "widget", "call_action"), "i18n/en.json: нет ключа widget.call_action"),
        (without_text("ru", "settings", "line"), "i18n/ru.json: нет ключа settings.line"),
        (widget(interface_version=1), "manifest.json: widget.interface_version должен быть равен 2"),
        (widget(version="new"), "manifest.json: widget.version должен быть вида 1.0.0"),
        (widget(locale=[]), "manifest.json: widget.locale должен быть непустым списком"),
        (widget(init_once="yes"), "manifest.json: widget.init_once должен быть true или false"),
        (manifest(locations=["moon-1"]), "manifest.json: неизвестная область подключения 'moon-1'"),
        (manifest(locations=["card_sdk"]),
         "manifest.json: card_sdk требует хотя бы одной карточки (lcard, ccard, comcard) в locations"),
        (manifest(settings={"x": {"name": "settings.line", "type": "color", "required": True}}),
         "manifest.json: settings.x.type должен быть одним из text, pass, custom, users, users_lp"),
        (manifest(tour={"is_tour": True, "tour_images": {"ru": ["/images/tour_1_ru.png"], "en": ["/images/logo.png"]}}),
         "Нет картинки тура /images/tour_1_ru.png"),
        (manifest(locations=["digital_pipeline"]), "Нет обязательного логотипа images/logo_dp.png (174x109)"),
    ],
)  # fmt: skip
def test_each_fault_is_named(spoil: Callable[[Files], None], sentence: str) -> None:
    files = widget_files()
    spoil(files)
    assert sentence in read(packed(files)).errors


def test_files_in_a_folder_are_not_found_at_the_root() -> None:
    nested = {f"widget/{name}": content for name, content in widget_files().items()}
    errors = read(packed(nested)).errors
    assert any("widget/manifest.json: файлы должны лежать в корне архива" in error for error in errors)


@pytest.mark.parametrize("data", [b"", b"not a zip", packed(widget_files())[:500]])
def test_what_is_no_archive_is_said_so(data: bytes) -> None:
    assert read(data).errors[0].startswith("Файл не является архивом zip")


def test_paths_that_leave_the_archive_are_refused() -> None:
    assert "Недопустимый путь в архиве: ../x.js" in read(packed({**widget_files(), "../x.js": b""})).errors


def test_the_size_is_read_from_the_header_only() -> None:
    assert png_size(png(3, 7)) == (3, 7)
    assert png_size(b"\x89PNG") is None


async def upload(crm: Crm, data: bytes, user: int = ADMIN) -> tuple[int, Any]:
    form = aiohttp.FormData()
    form.add_field("archive", data, filename="widget.zip")
    answer = await crm.call(
        "POST", "/page/integrations/upload", data=form, headers={"Cookie": f"crm_user={OFFICE}:{user}"}
    )
    return answer.status, answer.body


async def test_uploading_answers_with_the_faults_and_keeps_nothing() -> None:
    async with running_sandbox() as crm:
        files = widget_files()
        del files["images/logo.png"]
        status, body = await upload(crm, packed(files))
        assert (status, body["errors"]) == (400, ["Нет обязательного логотипа images/logo.png (130x100)"])
        assert (await crm.call("GET", "/api/v4/widgets")).status == 204


async def test_only_an_administrator_uploads() -> None:
    async with running_sandbox() as crm:
        assert (await upload(crm, packed(widget_files()), ANNA))[0] == 403


async def test_an_uploaded_widget_is_served_listed_and_installed_through_the_api() -> None:
    async with running_sandbox() as crm:
        status, body = await upload(crm, packed(widget_files()))
        assert status == 200
        code = body["code"]
        script = await crm.call("GET", f"/upl/{code}/widget/script.js?v=1.0.0")
        assert "define(" in script.body
        assert (await crm.call("GET", f"/upl/{code}/widget/../settings.py")).status == 404
        widget_ = await crm.ok("GET", f"/api/v4/widgets/{code}")
        assert (widget_["is_active_in_account"], widget_["client_uuid"]) == (False, body["client_id"])
        await crm.ok("POST", f"/api/v4/widgets/{code}", {"line": "5"})
        widget_ = await crm.ok("GET", f"/api/v4/widgets/{code}")
        assert (widget_["is_active_in_account"], widget_["settings"]) == (True, {"line": "5"})
        assert (await crm.call("DELETE", f"/api/v4/widgets/{code}")).status == 204
