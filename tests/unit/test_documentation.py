"""The documents are true: every key, command, default and link in them is compared with the program."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from connectors.amocrm.settings import AmocrmSettings
from connectors.bitrix24.settings import Bitrix24Settings
from integration import __main__ as command_line
from integration.domain.numbers.numbering import DialRules
from integration.domain.settings import ClickRules, LineSettings
from integration.errors import ConfigError
from integration.process import config
from integration.process.adapters import CRMS
from pbx_adapter.asterisk.settings import (
    AsteriskSettings,
    FastAgiSettings,
    RecordingSettings,
    SoundSettings,
    TlsSettings,
)

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/administrator-guide.md"
EXAMPLE = ROOT / "integration/dozvon.example.toml"
NOT_OURS = {".venv", ".lab", ".data", "node_modules", ".git", ".pytest_cache", ".hypothesis", "test-results", "build"}


def files_below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - NOT_OURS)
        yield from (Path(folder, name) for name in sorted(names))


OURS = tuple(files_below(ROOT))
DOCUMENTS = [file for file in OURS if file.suffix == ".md"]
APPLICATION = {"client_id": "local.1", "client_secret": "secret"}
CRM = {"client_id": "id", "client_secret": "secret", "redirect_uri": "https://calls.example.com/oauth/amocrm/office"}
PBX = {"host": "192.0.2.10", "username": "dozvon", "secret": "secret"}


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def known_keys(read: Callable[[dict[str, Any]], object]) -> set[str]:
    """The keys that a table may have, from the error about a misspelt key."""
    with pytest.raises(ConfigError) as caught:
        read({"no-such-key": True})
    said = re.search(r"(?:known here: |known are |write one of )(.+)$", str(caught.value))
    assert said, str(caught.value)
    return set(said[1].split(", "))


def account(**tables: Any) -> dict[str, Any]:
    return {"account": [{"id": "office", **tables}]}


def asterisk(**tables: Any) -> AsteriskSettings:
    return AsteriskSettings.from_config("pbx", {**PBX, **tables})


# Heading in the guide: how to read a table of this kind.
TABLES: Mapping[str, Callable[[dict[str, Any]], object]] = {
    "[server]": lambda t: config.parse({"server": t}),
    "[storage]": lambda t: config.parse({"storage": t}),
    "[security]": lambda t: config.parse({"security": t}),
    "[backup]": lambda t: config.parse({"backup": t}),
    "[[account]]": lambda t: config.parse(account(**t)),
    "[account.line.default]": lambda t: config.parse(account(line={"default": t})),
    "[account.dial]": lambda t: config.parse(account(dial=t)),
    "[account.clicks]": lambda t: config.parse(account(clicks=t)),
    "[account.employee]": lambda t: config.parse(account(employee={"101": t})),
    "[[pbx]]": lambda t: config.parse({"pbx": [{"id": "branch", "office": "acme", **t}]}),
    "[account.amocrm]": lambda t: AmocrmSettings.parse({**CRM, **t}),
    "[account.bitrix24]": lambda t: Bitrix24Settings.parse({**APPLICATION, **t}),
    "[account.asterisk]": lambda t: asterisk(**t),
    "[account.asterisk.tls]": lambda t: asterisk(tls=t),
    "[account.asterisk.recordings]": lambda t: asterisk(recordings=t),
    "[account.asterisk.sounds]": lambda t: asterisk(sounds=t),
    "[account.asterisk.fastagi]": lambda t: asterisk(fastagi=t),
    "[account.asterisk.records]": lambda t: asterisk(records=t),
}
DEFAULTS: Mapping[str, type[Any]] = {
    "[account.line.default]": LineSettings,
    "[account.dial]": DialRules,
    "[account.clicks]": ClickRules,
    "[account.amocrm]": AmocrmSettings,
    "[account.bitrix24]": Bitrix24Settings,
    "[account.asterisk]": AsteriskSettings,
    "[account.asterisk.tls]": TlsSettings,
    "[account.asterisk.recordings]": RecordingSettings,
    "[account.asterisk.sounds]": SoundSettings,
    "[account.asterisk.fastagi]": FastAgiSettings,
}


def guide_rows(heading: str) -> dict[str, str]:
    """Key and default (as written) of each row of the table under this heading."""
    section = re.search(rf"^#+ `{re.escape(heading)}`.*?$(.+?)(?=^#|\Z)", GUIDE.read_text("utf-8"), re.M | re.S)
    assert section, f"the guide has no heading `{heading}`"
    return dict(re.findall(r"^\| `([a-z_]+)` \| (.*?) \|", section[1], re.M))


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_in_the_guide_and_no_other(heading: str) -> None:
    assert set(guide_rows(heading)) == known_keys(TABLES[heading])


def written(value: Any) -> str:
    """A default in the form of the guide: TOML in backticks, or a dash for none."""
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, Enum):
        return f'`"{value}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        return f"`{value:g}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{item}"' for item in value) + "]`"
    return f'`"{value}"`'


@pytest.mark.parametrize("heading", DEFAULTS)
def test_the_guide_has_the_true_defaults(heading: str) -> None:
    rows = guide_rows(heading)
    expected = {}
    for field in dataclasses.fields(DEFAULTS[heading]):
        if field.default is dataclasses.MISSING or dataclasses.is_dataclass(field.default) or field.name == "tls":
            continue
        expected[field.name] = written(field.default)
    # Patterns contain bars, which end a cell: the guide describes them below the table.
    told_in_words = {k for k, v in expected.items() if "|" in v}
    wrong = {k: v for k, v in expected.items() if k in rows and rows[k] not in {v, "**needed**", "see below"}}
    assert wrong == {}
    assert {k for k, v in rows.items() if v == "see below"} <= told_in_words


def test_every_environment_variable_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    assert [name for name in config._ENVIRONMENT if f"`{name}`" not in text] == []


def test_every_command_is_in_the_guide() -> None:
    text = GUIDE.read_text("utf-8")
    assert [name for name in command_line._COMMANDS if f"`dozvon {name}" not in text] == []


def uncommented(text: str) -> str:
    """The example with all commented keys switched on."""
    return re.sub(r'^# (?=\[|[\w."]+ = )', "", text, flags=re.M)


def check_settings(document: dict[str, Any]) -> None:
    """Check like a start: the file, then each adapter's table. Raises: ConfigError."""
    settings = config.parse(document)
    for account in settings.accounts:
        crm = {key: value for key, value in account.crm_options.items() if value != ""}
        CRMS[account.crm].check({**CRM, **crm} if account.crm == "amocrm" else crm)
    for each in settings.pbxs:
        pbx = {key: value for key, value in each.options.items() if value != ""}
        AsteriskSettings.from_config(each.id, {**PBX, **pbx})


@pytest.mark.parametrize("prepare", [str, uncommented], ids=["as it is", "with every key"])
def test_the_example_is_a_configuration(prepare: Callable[[str], str]) -> None:
    document = tomllib.loads(prepare(EXAMPLE.read_text("utf-8")))
    check_settings(document)
    assert document["account"][0]["line"]["default"]


def blocks(file: Path, *languages: str) -> Iterator[str]:
    for language, body in re.findall(r"^```(\w*)\n(.*?)^```", file.read_text("utf-8"), re.M | re.S):
        if language in languages:
            yield body


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_configuration_in_documents_can_be_read(file: Path) -> None:
    for block in blocks(file, "toml"):
        document = tomllib.loads(block)
        if isinstance(document.get("account"), dict):  # `[account.amocrm]` alone: a part of an account
            document["account"] = [{"id": "office", **document["account"]}]
        if document.keys() <= {"server", "storage", "security", "backup", "account"}:
            check_settings(document)


def commands(file: Path) -> Iterator[list[str]]:
    """What follows `dozvon` in the document's shell blocks and inline code."""
    text = file.read_text("utf-8")
    pieces = [line for block in blocks(file, "sh", "console", "") for line in block.replace("\\\n", " ").splitlines()]
    pieces += re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    for piece in pieces:
        found = re.match(r"\s*(?:\$ )?(?:sudo (?:-\S+ (?:dozvon )?)?)?(?:\S*/)?dozvon (.+?)\s*(?:[#&]|$)", piece)
        # Not a command line: a name in prose, or one with a placeholder.
        if found and found[1].split()[0] in command_line._COMMANDS and "..." not in found[1]:
            yield shlex.split(found[1])


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_commands_in_documents_exist_with_their_options(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in commands(file):
        if len(words) == 1:  # the name alone means the command
            continue
        module = words[0].replace("-", "_")
        monkeypatch.setattr(importlib.import_module(f"integration.cli.{module}"), "run", lambda _: 0)
        try:
            assert command_line.main(words) == 0
        except SystemExit as exc:
            pytest.fail(f"dozvon {shlex.join(words)}: refused ({exc.code})")


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(file: Path) -> None:
    text = re.sub(r"^```.*?^```|`[^`\n]*`", "", file.read_text("utf-8"), flags=re.M | re.S)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and GitLab make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", file.read_text("utf-8"), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", DOCUMENTS, ids=name_of)
def test_documents_name_no_registry_and_no_machine(file: Path) -> None:
    words: tuple[str, ...] = ("pypi" + ".org", "pythonhosted" + ".org", "registry." + "npmjs", "deb." + "debian.org")
    words += ("/wor" + "k/", "/ro" + "ot/", "/ho" + "me/", "../sha" + "red")
    text = file.read_text("utf-8")
    assert [word for word in words if word in text] == []


@pytest.mark.parametrize("file", [*DOCUMENTS, EXAMPLE], ids=name_of)
def test_documents_that_are_named_exist(file: Path) -> None:
    named = re.findall(r"docs/[\w/-]+\.md", file.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_document_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text("utf-8")
    documents = [file.relative_to(ROOT / "docs").as_posix() for file in (ROOT / "docs").rglob("*.md")]
    assert [name for name in documents if name != "README.md" and f"({name})" not in index] == []


def test_every_dependency_has_its_reason() -> None:
    reasons = (ROOT / "docs/dependencies.md").read_text("utf-8").lower()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *(d for extra in project["optional-dependencies"].values() for d in extra)]
    names = [re.split(r"[\s\[<>=!~;]", line, maxsplit=1)[0].lower() for line in wanted]
    packages = re.search(r'"devDependencies": \{(.+?)\}', (ROOT / "widgets/package.json").read_text("utf-8"), re.S)
    assert packages
    names += re.findall(r'"([^"]+)":', packages[1])
    listed = {name.strip() for line in re.findall(r"^- (.+?):", reasons, re.M) for name in line.split(",")}
    assert sorted(set(names) - listed) == []


def test_changes_are_named_by_issue_and_kind() -> None:
    names = [file.name for file in (ROOT / "changes").iterdir() if file.name != "README.md"]
    pattern = r"\d+(-[a-z0-9-]+)?\.(added|changed|fixed|removed|security)\.md"
    assert [name for name in names if not re.fullmatch(pattern, name)] == []
