#!/usr/bin/env python3
"""Records an AMI stream as a fixture (each line has `t` and event, response, action or link): from a scenario on the
lab, or from any running PBX.

    .venv/bin/python scripts/record.py inbound_answered --out tests/fixtures/traces [--asterisk 16]
    .venv/bin/python scripts/record.py --pbx 192.0.2.5:5038 --user NAME --secret SECRET --seconds 60 --out FILE.jsonl

A recording of a real PBX contains real numbers and names: do not commit it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.lab.ami_recorder import AmiRecorder
from tests.lab.asterisk import RECORDER_USER, AmiUser, LabMissingError, lab_root
from tests.lab.office import Office
from tests.lab.scenarios import SCENARIOS, WITH_INCLUDE

_SETTLE_SECONDS = 1.0  # the last Hangups, Cdrs and recordings follow within it


async def record_scenario(name: str, major: int, out: Path) -> Path:
    async with Office(lab_root(major), fastagi_port=0 if name in WITH_INCLUDE else None) as office:
        recorder = AmiRecorder(office.asterisk.ports.ami, clock=office.clock)
        async with recorder:
            await SCENARIOS[name](office, recorder)
            await asyncio.sleep(_SETTLE_SECONDS)
        path = out / f"{'ast16_' if major == 16 else ''}{name}.jsonl"
        base = office.asterisk.base
        recorder.write(
            path, hide={f"{base}/spool": "/var/spool/asterisk", f"{base}/sounds": "/var/lib/asterisk/sounds"}
        )
    return path


async def record_pbx(address: str, user: AmiUser, seconds: float, out: Path) -> Path:
    host, _, port = address.rpartition(":")
    began = time.monotonic()
    recorder = AmiRecorder(int(port), host=host, user=user, clock=lambda: time.monotonic() - began)
    async with recorder:
        with contextlib.suppress(TimeoutError):
            await recorder.link_down(timeout_seconds=seconds)
    recorder.write(out)
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("scenario", nargs="?", choices=sorted(SCENARIOS), help="a scenario of tests/lab/scenarios.py")
    what.add_argument("--pbx", metavar="HOST:PORT", help="record a running PBX instead")
    parser.add_argument("--asterisk", type=int, choices=(22, 16), default=22, help="version for the scenario")
    parser.add_argument("--user", default=RECORDER_USER.name)
    parser.add_argument("--secret", default=RECORDER_USER.secret)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to record a running PBX")
    parser.add_argument("--out", type=Path, required=True, help="folder for a scenario, file for a PBX")
    arguments = parser.parse_args()
    try:
        if arguments.pbx:
            user = AmiUser(arguments.user, arguments.secret)
            path = asyncio.run(record_pbx(arguments.pbx, user, arguments.seconds, arguments.out))
        else:
            arguments.out.mkdir(parents=True, exist_ok=True)
            path = asyncio.run(record_scenario(arguments.scenario, arguments.asterisk, arguments.out))
    except (LabMissingError, OSError) as failure:
        print(failure, file=sys.stderr)
        return 1
    print(f"{path}: {sum(1 for _ in path.open())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
