"""Changes the core in small ways and checks whether a test notices: `make test-mutants`.

Each mutant is one small change of one module: a reversed comparison, a changed constant, a negated condition, a removed
statement. The module's nearest tests run against it. A mutant that survives shows a rule that no test guards: write the
test, or explain in `tests/mutants_explained.toml` why the change makes no difference.

    .venv/bin/python scripts/mutants.py                              every module of the table, all mutants
    .venv/bin/python scripts/mutants.py --sample 70 --seed 3         seventy, chosen by the seed
    .venv/bin/python scripts/mutants.py integration/domain/calls/retry.py  one module
    .venv/bin/python scripts/mutants.py --only "_rang_at: call.queue"  those whose printed key contains this

Prints one JSON object. Exit code 1 if a mutant without an explanation survived, or if an explanation fits no mutant.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import resource
import sys
import tempfile
import time
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
EXPLAINED = CHECKOUT / "tests/mutants_explained.toml"
WORKERS = 2
# A mutant that loops forever counts as killed after so many times the CPU time of the tests, and one that waits forever
# after so long a sleep. Neither depends on how busy the machine is.
SLOWEST = 4.0
AT_LEAST_CPU_SECONDS = 10.0
ASLEEP_SECONDS = 20.0

DOMAIN, SERVICES, TRACKER = "integration/domain", "integration/services", "pbx_adapter/asterisk/tracker"
_TRACKING = ("tests/unit/test_tracking_late_events.py", "tests/unit/test_tracking.py")
_DELIVERY = (
    "tests/services/test_delivery_pacing.py",
    "tests/services/test_delivery_attempts.py",
    "tests/services/test_delivery.py",
)
_NUMBERS = ("tests/unit/test_numbering.py", "tests/unit/test_phone.py", "tests/unit/test_phone_text.py")
_STREAMS = (
    "tests/unit/test_replay_traces.py", "tests/unit/test_replay_other_names.py", "tests/unit/test_replay_clicks.py",
    "tests/unit/test_tracking_transfers.py", "tests/unit/test_tracking_attended_transfers.py",
    "tests/unit/test_tracking_who_ended.py", "tests/unit/test_leg_times.py", "tests/unit/test_tracking_beginnings.py",
    "tests/unit/test_tracking_clicks.py",
    "tests/unit/test_tracking_ends.py", "tests/unit/test_tracking_hands.py", "tests/unit/test_tracking_legs.py",
    "tests/unit/test_tracking_dials.py", "tests/unit/test_tracking_handovers.py", "tests/unit/test_tracking_holds.py",
    "tests/unit/test_tracking_joining.py", "tests/unit/test_tracking_first_and_fallback.py",
    "tests/unit/test_tracking_inherited_causes.py", "tests/unit/test_tracking_joined_late.py",
    "tests/unit/test_tracking_lines_and_ports.py", "tests/unit/test_tracking_originates.py",
    "tests/unit/test_tracking_queues.py", "tests/unit/test_tracking_recordings.py",
    "tests/unit/test_tracking_restarted_pbx.py",
    "tests/unit/test_tracking_talk_ends.py", "tests/unit/test_tracking_transfer_events.py",
    "tests/unit/test_tracking_without_hangup_requests.py",
)  # fmt: skip
NEAREST: dict[str, tuple[str, ...]] = {
    f"{DOMAIN}/calls/attribution.py": ("tests/unit/test_attribution_personal.py", "tests/unit/test_attribution.py"),
    f"{DOMAIN}/calls/call.py": ("tests/unit/test_call.py", "tests/unit/test_truth.py", "tests/unit/test_codec.py"),
    "integration/texts/calls.py": ("tests/unit/test_call_text.py", "tests/unit/test_attribution.py"),
    f"{DOMAIN}/calls/follow_up.py": ("tests/unit/test_follow_up_rules.py", "tests/unit/test_follow_up.py"),
    f"{DOMAIN}/crm/identity.py": ("tests/unit/test_identity.py",),
    f"{DOMAIN}/numbers/number_class.py": ("tests/unit/test_number_class.py",),
    f"{DOMAIN}/numbers/numbering.py": _NUMBERS,
    f"{DOMAIN}/calls/ownership.py": ("tests/unit/test_ownership.py",),
    f"{DOMAIN}/calls/notes.py": ("tests/unit/test_call_notes.py", "tests/services/test_call_notes.py"),
    f"{DOMAIN}/crm/new_clients.py": ("tests/unit/test_new_clients.py",),
    f"{DOMAIN}/numbers/dialling.py": ("tests/unit/test_dialling.py",),
    f"{DOMAIN}/numbers/spellings.py": ("tests/unit/test_spellings.py",),
    f"{DOMAIN}/rates.py": ("tests/unit/test_rates.py",),
    f"{DOMAIN}/calls/participation.py": ("tests/unit/test_participation.py",),
    f"{DOMAIN}/numbers/phone.py": _NUMBERS,
    f"{DOMAIN}/numbers/phone_text.py": ("tests/unit/test_phone_text.py",),
    f"{DOMAIN}/calls/retry.py": ("tests/unit/test_retry.py",),
    f"{DOMAIN}/routing/route.py": ("tests/unit/test_routing_tries.py", "tests/unit/test_routing.py"),
    f"{DOMAIN}/calls/tracking.py": _TRACKING,
    f"{DOMAIN}/calls/truth.py": ("tests/unit/test_truth.py",),
    f"{DOMAIN}/people/mapping.py": ("tests/unit/test_user_mapping.py",),
    f"{SERVICES}/callback_tasks.py": (
        "tests/services/test_callback_task_rules.py",
        "tests/services/test_callback_tasks.py",
    ),
    f"{SERVICES}/delivery.py": _DELIVERY,
    f"{SERVICES}/delivery_steps.py": (
        "tests/services/test_delivery_step_rules.py",
        *_DELIVERY[1:],
        "tests/services/test_responsible.py",
        "tests/services/test_callback_tasks.py",
    ),
    f"{SERVICES}/strangers.py": ("tests/services/test_stranger_rules.py", "tests/services/test_strangers.py"),
    f"{TRACKER}/beginning.py": _STREAMS,
    f"{TRACKER}/bridges.py": ("tests/unit/test_bridges.py", *_STREAMS[:4]),
    f"{TRACKER}/callbacks.py": _STREAMS,
    f"{TRACKER}/causes.py": ("tests/unit/test_leg_results.py",),
    f"{TRACKER}/conversation.py": _STREAMS,
    f"{TRACKER}/dials.py": _STREAMS,
    f"{TRACKER}/ending.py": (*_STREAMS, "tests/unit/test_forgetting.py"),
    f"{TRACKER}/facts.py": _STREAMS,
    f"{TRACKER}/forgetting.py": ("tests/unit/test_forgetting_rules.py", "tests/unit/test_forgetting.py", *_STREAMS),
    f"{TRACKER}/handovers.py": _STREAMS,
    f"{TRACKER}/holding.py": _STREAMS,
    f"{TRACKER}/joining.py": _STREAMS,
    f"{TRACKER}/legs.py": _STREAMS,
    f"{TRACKER}/mixmonitor.py": _STREAMS,
    f"{TRACKER}/names.py": ("tests/unit/test_names.py",),
    f"{TRACKER}/office.py": ("tests/unit/test_office_shape.py", "tests/unit/test_names.py", *_STREAMS),
    f"{TRACKER}/queues.py": _STREAMS,
    f"{TRACKER}/results.py": ("tests/unit/test_leg_results.py",),
    f"{TRACKER}/transfers.py": _STREAMS,
    f"{TRACKER}/ways.py": ("tests/unit/test_leg_ways.py",),
    "connectors/amocrm/mapping.py": ("tests/unit/test_amocrm_mapping_rules.py", "tests/unit/test_amocrm_mapping.py"),
    "connectors/amocrm/api/tokens.py": ("tests/unit/test_amocrm_token_rules.py",),
}

_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_OTHER_CALL = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """`key` names the change without its line, so that an explanation outlives edits elsewhere in the module."""

    path: str
    line: int
    key: str
    source: str


def mutants_of(path: str) -> list[Mutant]:
    """All mutants of one module, in the order of its lines."""
    tree = ast.parse((CHECKOUT / path).read_text())
    places = [(node, scope) for node, scope in _walk(tree, ()) if not isinstance(node, ast.Module)]
    found: list[Mutant] = []
    for node, scope in places:
        for was, mutated in _changes(node):
            key = f"{path}::{'.'.join(scope) or 'module'}: {was}"
            found.append(Mutant(path, getattr(node, "lineno", 0), key, _with(tree, node, mutated)))
    return _numbered(found)


def _numbered(found: list[Mutant]) -> list[Mutant]:
    """Number equal changes in one function: the second gets ` #2`."""
    seen: dict[str, int] = {}
    numbered = []
    for mutant in found:
        seen[mutant.key] = nth = seen.get(mutant.key, 0) + 1
        numbered.append(mutant if nth == 1 else Mutant(mutant.path, mutant.line, f"{mutant.key} #{nth}", mutant.source))
    return numbered


def _walk(node: ast.AST, scope: tuple[str, ...]) -> Iterator[tuple[ast.AST, tuple[str, ...]]]:
    """Every node that runs, without annotations, decorators, docstrings and imports for type checks."""
    yield node, scope
    inner = (*scope, node.name) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else scope
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords") and not isinstance(node, ast.Call):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from _walk(child, inner)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST | None]]:
    """The ways to change one node: what it becomes, or None to leave the statement out."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for place, op in enumerate(ops):
                turned = [*ops[:place], _TURNED[type(op)](), *ops[place + 1 :]]
                yield _told(node, changed := ast.Compare(left, turned, right)), changed
        case ast.BoolOp(op=op, values=values):
            other_way = ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            yield _told(node, other_way), other_way
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield _told(node, operand), operand
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right) if not _is_text(left, right):
            changed_sum = ast.BinOp(left, ast.Sub() if isinstance(op, ast.Add) else ast.Add(), right)
            yield _told(node, changed_sum), changed_sum
        case ast.Constant(value=bool() as value):
            yield f"{value} → {not value}", ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            # A delay of 31 s instead of 30 s is the same rule; 60 s is another one.
            other = value + 1 if abs(value) < 3 else value * 2
            yield f"{value} → {other}", ast.Constant(other)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if name in _OTHER_CALL:
            call = ast.Call(ast.Name(_OTHER_CALL[name], ast.Load()), args, keywords)
            yield _told(node, call), call
        case ast.Expr(value=ast.Call() | ast.Await()) if "log." not in ast.unparse(node):
            yield f"without {ast.unparse(node)}", None
        case ast.Continue() | ast.Break():
            yield f"without {ast.unparse(node)}", None


def _is_text(*sides: ast.expr) -> bool:
    return any(isinstance(side, ast.Constant | ast.JoinedStr) and not _is_number(side) for side in sides)


def _is_number(side: ast.expr) -> bool:
    return isinstance(side, ast.Constant) and isinstance(side.value, int | float)


def _told(before: ast.AST, after: ast.AST) -> str:
    return f"{ast.unparse(before)} → {ast.unparse(ast.fix_missing_locations(after))}"


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST | None) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return self._new if self._new is not None else ast.Pass()
        kept: ast.AST = super().visit(node)
        return kept


def _with(tree: ast.Module, node: ast.AST, new: ast.AST | None) -> str:
    # By identity: `a + b + c` contains two sums that begin at the same place.
    copies: dict[int, ast.AST] = {}
    changed = copy.deepcopy(tree, copies)
    return ast.unparse(ast.fix_missing_locations(_Replace(copies[id(node)], new).visit(changed)))


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module's changed source instead of its file."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.path.removesuffix(".py").replace("/", ".")
        self._file, self._source = str(CHECKOUT / mutant.path), mutant.source

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_file_location(name, self._file, loader=self) if name == self._name else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        return None

    def exec_module(self, module: object) -> None:
        exec(compile(self._source, self._file, "exec"), module.__dict__)


def _start(
    mutant: Mutant | None, tests: Sequence[str], *, cpu_seconds: int | None = None, imported: Path | None = None
) -> int:
    """
    Start a child that runs the tests, against the mutant if there is one. Returns the child's process id.

    `cpu_seconds`: the kernel ends the child after this CPU time. `imported`: the child writes here which libraries
    the tests import.
    """
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    if cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    with Path("/dev/null").open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    if mutant is not None:
        sys.meta_path.insert(0, _Mutated(mutant))
    import pytest

    failed = 1
    # pytest cannot rewrite assertions in modules that the parent imported. These are libraries: nothing is lost.
    quiet = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
    with contextlib.suppress(BaseException):
        failed = int(
            pytest.main(["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "--hypothesis-seed=0", *quiet, *tests])
        )
    if imported is not None:
        ours = {each.stem for folder in (CHECKOUT, CHECKOUT / "tests") for each in folder.iterdir()} | {"__main__"}
        imported.write_text("\n".join(name for name in list(sys.modules) if name.partition(".")[0] not in ours))
    os._exit(failed)


def _prepare(tests: Sequence[str]) -> float:
    """
    Returns the CPU time of the tests without a change. Raises: SystemExit if they fail.

    Imports the libraries of the tests once, here, so that a child needs a quarter of the time for a small module.
    """
    with tempfile.TemporaryDirectory() as folder:
        imported = Path(folder) / "imported"
        _, status, used = os.wait4(_start(None, tests, imported=imported), 0)
        if os.waitstatus_to_exitcode(status):
            sys.exit(f"the tests fail without any change: {' '.join(tests)}")
        for name in imported.read_text().split():
            with contextlib.suppress(ImportError), warnings.catch_warnings(action="ignore"):
                importlib.import_module(name)
    return used.ru_utime + used.ru_stime


class _Sleep:
    """Notices a child that waits forever: it has slept for long without using CPU time."""

    def __init__(self) -> None:
        self._ticks, self._since = "", time.monotonic()

    def is_endless(self, child: int) -> bool:
        # man 5 proc: after the name in brackets comes the state; fields 14 and 15 are the used time.
        state, *fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks = " ".join(fields[10:12])
        if state != "S" or ticks != self._ticks:  # a process that waits for the CPU has state R
            self._ticks, self._since = ticks, time.monotonic()
        return time.monotonic() - self._since > ASLEEP_SECONDS


def run(mutants: Sequence[Mutant], workers: int) -> list[Mutant]:
    """Try the mutants, `workers` at a time. Returns the survivors."""
    limits = {
        tests: int(max(AT_LEAST_CPU_SECONDS, SLOWEST * _prepare(tests))) for tests in {NEAREST[m.path] for m in mutants}
    }
    waiting, running, survivors = list(mutants), dict[int, tuple[Mutant, _Sleep]](), list[Mutant]()
    while waiting or running:
        while waiting and len(running) < workers:
            mutant = waiting.pop(0)
            tests = NEAREST[mutant.path]
            running[_start(mutant, tests, cpu_seconds=limits[tests])] = (mutant, _Sleep())
        child, status = os.waitpid(-1, os.WNOHANG)
        if child:
            mutant, _ = running.pop(child)
            if os.waitstatus_to_exitcode(status) == 0:
                survivors.append(mutant)
                print(f"survived: {mutant.path}:{mutant.line} {mutant.key.partition('::')[2]}", file=sys.stderr)
            continue
        for endless in [pid for pid, (_, sleep) in running.items() if sleep.is_endless(pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(endless, 9)
        time.sleep(0.02)
    return survivors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=[], help="default: every module of the table")
    parser.add_argument("--sample", type=int, help="try only this many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=WORKERS, help="mutants tried at a time")
    parser.add_argument("--only", action="append", help="try only mutants whose key has this text; may be repeated")
    arguments = parser.parse_args()
    unknown = [path for path in arguments.modules if path not in NEAREST]
    if unknown:
        parser.error(f"not in the table of this script: {', '.join(unknown)}; known: {', '.join(NEAREST)}")
    os.chdir(CHECKOUT)
    sys.path.insert(0, str(CHECKOUT))
    mutants = [mutant for path in arguments.modules or NEAREST for mutant in mutants_of(path)]
    explained: dict[str, str] = tomllib.loads(EXPLAINED.read_text())["explained"]
    if arguments.only:
        mutants = [mutant for mutant in mutants if any(text in mutant.key for text in arguments.only)]
    stale = [] if arguments.modules or arguments.only else sorted(explained.keys() - {mutant.key for mutant in mutants})
    tried = [mutant for mutant in mutants if mutant.key not in explained]
    if arguments.sample is not None and arguments.sample < len(tried):
        tried = random.Random(arguments.seed).sample(tried, arguments.sample)
    survivors = run(tried, arguments.workers)
    report = {
        "tried": len(tried),
        "explained": len(mutants) - len([m for m in mutants if m.key not in explained]),
        "killed": len(tried) - len(survivors),
        "survived": [f"{mutant.path}:{mutant.line} {mutant.key.partition('::')[2]}" for mutant in survivors],
        "explanations_without_a_mutant": stale,
    }
    print(json.dumps(report, ensure_ascii=False, indent=2))
    sys.exit(1 if survivors or stale else 0)


if __name__ == "__main__":
    main()
