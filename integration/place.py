"""From the configuration to the place where everything is kept. No opening here."""

from __future__ import annotations

from integration.config import Config
from integration.storage.keys import KeySource
from integration.storage.place import Place


def place_of(config: Config) -> Place:
    keys = KeySource.in_folder(config.data_dir)
    if config.key is not None:
        keys = KeySource(file=keys.file, text=config.key)
    elif config.key_file is not None:
        keys = KeySource(file=config.key_file)
    return Place(url=config.database_url, data_dir=config.data_dir, keys=keys)
