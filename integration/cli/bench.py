"""`dozvon bench NAME`: one measurement, printed as one JSON object."""

from __future__ import annotations

import argparse
import importlib
import json

from integration import logs

_MODULES = {
    "track": "bench.track",
    "route": "bench.route",
    "card": "bench.card",
    "deliver": "bench.deliver",
    "import": "bench.contacts",  # Python allows no module named `import`
    "scale": "bench.scale",
    "offices": "bench.offices",
    "pages": "bench.pages",
    "dial": "bench.dial",
    "amd": "bench.amd",
    "choose": "bench.campaign_choice",
}
NAMES = tuple(_MODULES)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--quick", action="store_true", help="smaller, ends within 40 s")


def run(arguments: argparse.Namespace) -> int:
    logs.set_up("error", readable=True)  # on standard error: the output is the JSON alone
    bench = importlib.import_module(_MODULES[arguments.name])
    print(json.dumps(bench.run(quick=arguments.quick), ensure_ascii=False, indent=2))
    return 0
