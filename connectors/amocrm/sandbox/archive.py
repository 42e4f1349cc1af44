"""Checks a widget archive as amoCRM does at upload: structure, manifest, images, translations.

Each error is a sentence that names the wrong file or key. Stores nothing.
"""

from __future__ import annotations

import io
import json
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_MAX_UNPACKED = 20 * 1024 * 1024
_MAX_FILES = 500
_MAX_IMAGE = 300 * 1024
_LOGOS = {
    "logo_main": (400, 272),
    "logo_small": (108, 108),
    "logo_medium": (240, 84),
    "logo_min": (84, 84),
    "logo": (130, 100),
}
_DP_LOGO = (174, 109)
_CARDS = ("lcard", "ccard", "comcard", "cucard")
_LISTS = ("llist", "clist", "tlist", "culist")
LOCATIONS = frozenset(
    {f"{area}-{panel}" for area in (*_CARDS, *_LISTS) for panel in (0, 1)}
    | {"settings", "advanced_settings", "card_sdk", "catalogs", "digital_pipeline", "lead_sources", "everywhere",
       "mobile_card", "sms", "whatsapp_modal", "salesbot_designer", "amoforms", "widget_page", "personal_page"}
)  # fmt: skip
_SETTING_TYPES = ("text", "pass", "custom", "users", "users_lp")
_VERSION = re.compile(r"\d+(\.\d+){1,3}")
_REQUIRED_TEXTS = ("name", "description", "short_description")


@dataclass(slots=True)
class Archive:
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, dict[str, Any]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


def read(data: bytes) -> Archive:
    """Unpack and check. An archive with `errors` must not be installed. Never raises."""
    archive = Archive()
    try:
        _unpack(data, archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as exc:
        archive.errors.append(f"Файл не является архивом zip: {exc}")
    if archive.errors:
        return archive
    for name in ("manifest.json", "script.js"):
        if name not in archive.files:
            nested = next((path for path in archive.files if path.endswith("/" + name)), None)
            hint = f" (найден {nested}: файлы должны лежать в корне архива)" if nested else ""
            archive.errors.append(f"Нет обязательного файла {name}{hint}")
    manifest = _json(archive, "manifest.json")
    if manifest is not None:
        archive.manifest = manifest
        archive.errors += _manifest_errors(manifest)
        archive.errors += _text_errors(archive)
        archive.errors += _image_errors(archive)
    return archive


def _unpack(data: bytes, archive: Archive) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        entries = [entry for entry in packed.infolist() if not entry.is_dir()]
        if len(entries) > _MAX_FILES or sum(entry.file_size for entry in entries) > _MAX_UNPACKED:
            archive.errors.append("Архив слишком велик")
            return
        for entry in entries:
            if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
                archive.errors.append(f"Недопустимый путь в архиве: {entry.filename}")
                continue
            archive.files[entry.filename] = packed.read(entry)


def _json(archive: Archive, name: str) -> dict[str, Any] | None:
    if name not in archive.files:
        return None
    try:
        value = json.loads(archive.files[name].decode())
    except (ValueError, RecursionError) as exc:
        archive.errors.append(f"{name}: не JSON ({exc})")
        return None
    if not isinstance(value, dict):
        archive.errors.append(f"{name}: ожидается объект")
        return None
    return value


def _manifest_errors(manifest: dict[str, Any]) -> Iterator[str]:
    widget = manifest.get("widget")
    if not isinstance(widget, dict):
        yield "manifest.json: нет раздела widget"
        return
    if widget.get("interface_version") != 2:
        yield "manifest.json: widget.interface_version должен быть равен 2"
    if not _VERSION.fullmatch(str(widget.get("version", ""))):
        yield "manifest.json: widget.version должен быть вида 1.0.0"
    locales = widget.get("locale")
    if not isinstance(locales, list) or not locales or not all(isinstance(each, str) for each in locales):
        yield "manifest.json: widget.locale должен быть непустым списком"
    for name in ("init_once", "installation"):
        if not isinstance(widget.get(name), bool):
            yield f"manifest.json: widget.{name} должен быть true или false"
    for name in _REQUIRED_TEXTS:
        if not isinstance(widget.get(name), str):
            yield f"manifest.json: нет widget.{name}"
    if not isinstance(widget.get("support"), dict):
        yield "manifest.json: нет widget.support"
    yield from _location_errors(manifest)
    yield from _setting_errors(manifest)


def _location_errors(manifest: dict[str, Any]) -> Iterator[str]:
    locations = manifest.get("locations")
    if not isinstance(locations, list) or not locations:
        yield "manifest.json: locations должен быть непустым списком"
        return
    for location in locations:
        if location not in LOCATIONS:
            yield f"manifest.json: неизвестная область подключения {location!r}"
    if "card_sdk" in locations and not any(str(each).startswith(_CARDS) for each in locations):
        yield "manifest.json: card_sdk требует хотя бы одной карточки (lcard, ccard, comcard) в locations"
    if "advanced_settings" in locations and not isinstance(manifest.get("advanced"), dict):
        yield "manifest.json: advanced_settings требует раздела advanced"


def _setting_errors(manifest: dict[str, Any]) -> Iterator[str]:
    settings = manifest.get("settings", {})
    if not isinstance(settings, dict):
        yield "manifest.json: settings должен быть объектом"
        return
    for key, rule in settings.items():
        if not isinstance(rule, dict) or rule.get("type") not in _SETTING_TYPES:
            yield f"manifest.json: settings.{key}.type должен быть одним из {', '.join(_SETTING_TYPES)}"
        elif not isinstance(rule.get("required"), bool):
            yield f"manifest.json: settings.{key}.required должен быть true или false"


# ---- translations


def _locales(manifest: dict[str, Any]) -> list[str]:
    widget = manifest.get("widget")
    found = widget.get("locale") if isinstance(widget, dict) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _text_errors(archive: Archive) -> list[str]:
    errors: list[str] = []
    for locale in _locales(archive.manifest):
        name = f"i18n/{locale}.json"
        if name not in archive.files:
            errors.append(f"Нет файла {name} для языка {locale} из widget.locale")
            continue
        texts = _json(archive, name)
        if texts is not None:
            archive.texts[locale] = texts
    used = sorted(_used_keys(archive.manifest))
    for locale, texts in archive.texts.items():
        errors += [f"i18n/{locale}.json: нет ключа {key}" for key in used if not isinstance(_look(texts, key), str)]
    every = {key for texts in archive.texts.values() for key in _keys(texts)}
    for locale, texts in archive.texts.items():
        errors += [f"i18n/{locale}.json: нет ключа {key}" for key in sorted(every - set(_keys(texts)) - set(used))]
    return errors


def _used_keys(manifest: dict[str, Any]) -> set[str]:
    """The translation keys that the manifest uses."""
    widget = manifest.get("widget")
    keys = {f"widget.{name}" for name in _REQUIRED_TEXTS}
    if isinstance(widget, dict):
        keys = {str(widget.get(name, f"widget.{name}")) for name in _REQUIRED_TEXTS}
    tour, settings, advanced = manifest.get("tour"), manifest.get("settings"), manifest.get("advanced")
    if isinstance(tour, dict) and tour.get("is_tour"):
        keys.add(str(tour.get("tour_description", "widget.tour_description")))
    if isinstance(settings, dict):
        keys |= {str(rule["name"]) for rule in settings.values() if isinstance(rule, dict) and "name" in rule}
    if isinstance(advanced, dict) and "title" in advanced:
        keys.add(str(advanced["title"]))
    return keys


def _keys(tree: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def _look(tree: Any, key: str) -> Any:
    for step in key.split("."):
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


# ---- images


def _image_errors(archive: Archive) -> Iterator[str]:
    wanted = dict(_LOGOS)
    locations = archive.manifest.get("locations")
    if isinstance(locations, list) and "digital_pipeline" in locations:
        wanted["logo_dp"] = _DP_LOGO
    for name, size in wanted.items():
        path = f"images/{name}.png"
        if path not in archive.files:
            yield f"Нет обязательного логотипа {path} ({size[0]}x{size[1]})"
            continue
        data = archive.files[path]
        found = png_size(data)
        if found is None:
            yield f"{path}: не PNG"
        elif found != size:
            yield f"{path}: размер {found[0]}x{found[1]}, требуется {size[0]}x{size[1]}"
        if len(data) > _MAX_IMAGE:
            yield f"{path}: больше 300 КБ"
    yield from _tour_errors(archive)


def _tour_errors(archive: Archive) -> Iterator[str]:
    tour = archive.manifest.get("tour")
    if not isinstance(tour, dict) or not tour.get("is_tour"):
        return
    images = tour.get("tour_images")
    for locale in _locales(archive.manifest):
        paths = images.get(locale) if isinstance(images, dict) else None
        if not isinstance(paths, list) or not 1 <= len(paths) <= 5:
            yield f"manifest.json: tour.tour_images.{locale}: нужно от одной до пяти картинок"
            continue
        for path in paths:
            if not isinstance(path, str) or path.lstrip("/") not in archive.files:
                yield f"Нет картинки тура {path}"


def png_size(data: bytes) -> tuple[int, int] | None:
    """Width and height from a PNG header; None for anything else."""
    if len(data) < 24 or data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        return None
    width, height = struct.unpack(">II", data[16:24])
    return int(width), int(height)
