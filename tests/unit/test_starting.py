"""Errors in the file are reported before anything is opened or written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from integration.errors import ConfigError
from integration.process.config import Config, parse
from integration.process.doctor import diagnose
from integration.process.process import Dozvon

AMOCRM = {"client_id": "id", "client_secret": "secret"}
ASTERISK = {"host": "127.0.0.1", "username": "dozvon", "secret": "secret"}


def configured(folder: Path, **account: Any) -> Config:
    return parse(
        {
            "server": {"data_dir": str(folder / "data")},
            "storage": {"database": f"sqlite:///{folder / 'dozvon.sqlite3'}"},
            "account": [{"id": "acme", **account}],
        }
    )


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ({"asterisk": {**ASTERISK, "port": "5038x"}}, r"account\.acme\.asterisk\.port"),
        ({"asterisk": {**ASTERISK, "hots": "x"}}, r"account\.acme\.asterisk.*hots"),
        ({"amocrm": {**AMOCRM, "log_via": "letters"}}, r"account\.acme\.amocrm\.log_via"),
        ({"amocrm": {}}, r"account\.acme\.amocrm\.client_id"),
        ({"crm": "bitrix", "bitrix": {}}, r"account\.acme\.crm"),
        ({"pbx": "mango", "mango": {}}, r"account\.acme\.pbx"),
    ],
)
async def test_a_wrong_setting_of_an_adapter_is_named_before_the_database_is_opened(
    account: dict[str, Any], words: str, tmp_path: Path
) -> None:
    parts = {} if "crm" in account else {"amocrm": AMOCRM}
    parts |= {} if "pbx" in account else {"asterisk": ASTERISK}
    config = configured(tmp_path, **{**parts, **account})
    process = Dozvon(config)
    with pytest.raises(ConfigError, match=words):
        await process.start()
    await process.stop()
    with pytest.raises(ConfigError, match=words):
        await diagnose(config)
    assert is_empty(tmp_path)
