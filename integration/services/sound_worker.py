"""Converts one uploaded sound in a process of its own: `python -m integration.services.sound_worker`.

The file is on its standard input. It prints a JSON line, `{"seconds": 12.5}` and then the WAV, or `{"trouble":
"too_long"}` alone. It bounds its own memory and time, because a file can be made to unpack to anything.
"""

from __future__ import annotations

import json
import sys
from typing import BinaryIO

from integration.errors import Rejected
from integration.services.telephone_sound import to_telephone
from integration.worker_limits import limit_this_process

_MOST_MEMORY = 1536 * 1024 * 1024
_MOST_SECONDS = 60


def run(source: BinaryIO, target: BinaryIO) -> None:
    """Convert all of `source`, as the module says."""
    said: dict[str, str | float]
    try:
        sound = to_telephone(source.read())
    except Rejected as exc:
        said, wav = {"trouble": exc.code}, b""
    except MemoryError:
        said, wav = {"trouble": "too_long"}, b""
    else:
        said, wav = {"seconds": sound.seconds}, sound.wav
    target.write(json.dumps(said).encode() + b"\n" + wav)
    target.flush()


def main() -> None:
    limit_this_process(processor_seconds=_MOST_SECONDS, memory=_MOST_MEMORY)
    run(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
