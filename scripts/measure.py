"""Runs every bench in full, one after another, and writes their figures into docs/performance.md.

`.venv/bin/python scripts/measure.py [--quick] [NAME...]` takes about half an hour. Run it on a machine without other
work. It keeps each bench's output in build/measured/NAME.json; with names, it runs only those benches again.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from integration.cli.bench import NAMES  # noqa: E402 - found only now

KEPT = ROOT / "build" / "measured"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="run only these; by default all")
    parser.add_argument("--quick", action="store_true", help="small sizes: to try the script, not to publish")
    arguments = parser.parse_args()
    KEPT.mkdir(parents=True, exist_ok=True)
    failed = [name for name in arguments.names or NAMES if not _measure(name, quick=arguments.quick)]
    results = {
        name: json.loads((KEPT / f"{name}.json").read_text("utf-8"))
        for name in NAMES
        if (KEPT / f"{name}.json").exists()
    }
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    sizes = "Small sizes (`--quick`), to try the benches." if arguments.quick else "Full sizes."
    PAGE.write_text(f"{before}{BEGIN}\n{sizes}\n\n{table(results)}\n{END}{after}", "utf-8")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


def _measure(name: str, *, quick: bool) -> bool:
    print(f"measuring {name}", file=sys.stderr)
    command = [sys.executable, "-m", "integration", "bench", name, *(["--quick"] if quick else [])]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if done.returncode == 0:
        (KEPT / f"{name}.json").write_bytes(done.stdout)
    return done.returncode == 0


def table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The aims of all benches as a table of Markdown, with the load of the machine at each one's end."""
    rows = ["| bench | what | aim | measured | met | load |", "|---|---|---|---|---|---|"]
    for name, said in results.items():
        load = f"{said['detail']['load_average']} on {said['detail']['cores']} cores"
        rows += [
            f"| `{name}` | {aim['what']} | {aim['aim']} {aim['unit']} | {aim['measured']} {aim['unit']} "
            f"| {'yes' if aim['met'] else 'no'} | {load} |"
            for aim in said["aims"]
        ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
