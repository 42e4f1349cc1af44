"""One module writes each field of the tracker's live calls, legs and channels: who wants it changed asks that module.

Read from the source: assignments, deletions and changes of collections, by the class of the object they are made on.
Creating an object is not counted.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import pbx_adapter.asterisk.tracker

FOLDER = Path(pbx_adapter.asterisk.tracker.__file__).parent
TREES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.py")}
CLASSES = {node.name: node for tree in TREES.values() for node in tree.body if isinstance(node, ast.ClassDef)}
MIRROR = {node.name for node in TREES["live"].body if isinstance(node, ast.ClassDef)}
RETURNS = {
    node.name: node.returns for tree in TREES.values() for node in tree.body if isinstance(node, ast.FunctionDef)
}
CHANGES_IT = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)

Type = ast.expr | None
Function = ast.FunctionDef | ast.AsyncFunctionDef


def fields_of(cls: str) -> dict[str, ast.expr]:
    """Of a dataclass, and what the methods of another give to `self`."""
    if cls not in CLASSES:
        return {}
    fields: dict[str, ast.expr] = {}
    handed = {node.arg: node.annotation for node in ast.walk(CLASSES[cls]) if isinstance(node, ast.arg)}
    for node in ast.walk(CLASSES[cls]):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                made = value.func if isinstance(value, ast.Call) else None
                given = handed.get(value.id) if isinstance(value, ast.Name) else made
                if given is not None:
                    fields.setdefault(name, given)
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
                fields[name] = node.annotation
    return fields


def functions() -> Iterator[tuple[str, str, Function]]:
    """Module, class (empty outside of one) and function."""
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, Function):
                yield module, "", node
            elif isinstance(node, ast.ClassDef):
                yield from ((module, node.name, method) for method in node.body if isinstance(method, Function))


class Scope:
    """The classes of one function's names, as far as its text shows them."""

    def __init__(self, owner: str, function: Function) -> None:
        arguments = function.args
        self._types: dict[str, Type] = {
            argument.arg: argument.annotation
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        }
        self._types["self"] = ast.Name(owner)
        for _ in range(3):  # a name may be made of one that is made further down, as in a loop
            for node in ast.walk(function):
                self._learn(node)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.AnnAssign):
            self._name(node.target, node.annotation)
        elif isinstance(node, ast.NamedExpr):
            self._name(node.target, self.type_of(node.value))
        elif isinstance(node, ast.For | ast.comprehension):
            self._name(node.target, element_of(self.type_of(node.iter)))
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value)

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for each, its in zip(target.elts, value.elts, strict=True):
                self._name(each, self.type_of(its))
        elif isinstance(target, ast.Tuple):
            its_type = self.type_of(value)
            if isinstance(its_type, ast.Subscript) and isinstance(its_type.slice, ast.Tuple):
                for each, annotation in zip(target.elts, its_type.slice.elts, strict=False):
                    self._name(each, annotation)
        else:
            self._name(target, self.type_of(value))

    def _name(self, target: ast.expr, annotation: Type) -> None:
        if isinstance(target, ast.Name) and annotation is not None:
            self._types.setdefault(target.id, annotation)

    @staticmethod
    def _attribute(cls: str, name: str) -> Type:
        return fields_of(cls).get(name) or method_of(cls, name)  # a property

    def type_of(self, value: ast.expr) -> Type:
        match value:
            case ast.Name(id=name):
                return self._types.get(name)
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(class_of(self.type_of(owner)), name)
            case ast.Subscript(value=owner):
                return element_of(self.type_of(owner))
            case ast.BoolOp(values=values):
                return next((known for each in values if (known := self.type_of(each)) is not None), None)
            case ast.IfExp(body=body):
                return self.type_of(body)
            case ast.Call(func=ast.Name(id="list" | "min" | "max" | "next" | "reversed" | "iter"), args=[first, *_]):
                its = self.type_of(first)
                return element_of(its) if isinstance(value.func, ast.Name) and value.func.id == "next" else its
            case ast.Call(func=ast.Name(id=name)):
                return ast.Name(name) if name in CLASSES else RETURNS.get(name)
            case ast.Call(func=ast.Attribute(value=owner, attr="get" | "pop" | "popleft" | "setdefault")):
                return element_of(self.type_of(owner))
            case ast.Call(func=ast.Attribute(value=owner, attr="values")):
                return self.type_of(owner)
            case ast.Call(func=ast.Attribute(value=owner, attr=name)):
                return method_of(class_of(self.type_of(owner)), name)
            case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
                known = self.type_of(element)
                return None if known is None else ast.Subscript(ast.Name("list"), known)
        return None


def method_of(cls: str, name: str) -> Type:
    """What a method or a property returns; of `super()` nothing is known."""
    methods = CLASSES[cls].body if cls in CLASSES else []
    return next((it.returns for it in methods if isinstance(it, Function) and it.name == name), None)


def element_of(annotation: Type) -> Type:
    """Of `list[X]`, `dict[str, X]`, `tuple[X, ...]`."""
    if isinstance(annotation, ast.Subscript):
        inner = annotation.slice
        if isinstance(inner, ast.Tuple):
            of_dict = isinstance(annotation.value, ast.Name) and annotation.value.id == "dict"
            return inner.elts[-1 if of_dict else 0]
        return inner
    return None


def class_of(annotation: Type) -> str:
    """The name of the class; of `X | None` that of X, of a collection its own; empty where it is not known."""
    match annotation:
        case ast.Name(id=name):
            return name
        case ast.BinOp(left=left):
            return class_of(left)
        case ast.Subscript(value=value):
            return class_of(value)
    return ""


def written_by(node: ast.AST) -> Iterator[ast.Attribute]:
    """The attributes that this statement or call changes."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            pass
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target) | ast.For(target=target):
            targets = [target]
        case ast.Call(func=ast.Attribute(value=changed, attr=name)) if name in CHANGES_IT:
            targets = [changed]
    while targets:
        target, *targets = targets
        match target:
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                targets = [*parts, *targets]
            case ast.Starred(value=value) | ast.Subscript(value=value):
                targets = [value, *targets]
            case ast.Attribute():
                yield target


@cache
def writes() -> list[tuple[str, str, str, str]]:
    """Class (empty where the text does not show it), field, module and place of every write to the mirror."""
    names = {name for cls in MIRROR for name in fields_of(cls)}
    seen, found = set(), []
    methods = {method for _, owner, method in functions() if owner}
    for module, owner, function in functions():
        if not owner and function in methods:
            continue
        scope = Scope(owner, function)
        for node in ast.walk(function):
            for target in written_by(node):
                cls = class_of(scope.type_of(target.value))
                if target.attr in names and (not cls or cls in MIRROR) and target not in seen:
                    seen.add(target)
                    found.append((cls, target.attr, module, f"{module}.py:{target.lineno}: {ast.unparse(target)}"))
    return found


def test_it_can_be_read_on_what_each_write_is_made() -> None:
    assert [place for cls, _, _, place in writes() if not cls] == []


@pytest.mark.parametrize("cls", ["LiveCall", "LiveLeg", "Channel"])
def test_one_module_writes_each_field(cls: str) -> None:
    writers: defaultdict[str, set[str]] = defaultdict(set)
    for owner, field, module, _ in writes():
        if owner == cls:
            writers[field].add(module)
    assert {field: sorted(modules) for field, modules in writers.items() if len(modules) > 1} == {}
    assert len(writers) > 10, "no writes were found: the test has gone blind"


def test_what_is_worked_out_from_the_mirror_does_not_change_it() -> None:
    """`describe()` and what it asks."""
    asked = {"beginning": ("describe", "_describe_click", "_did", "is_no_call"), "ways": ("way_to", "arrival_of")}
    pure = {"bridges", "results", "causes", "callbacks"}
    for module, owner, function in functions():
        if module in pure or function.name in asked.get(module, ()):
            scope = Scope(owner, function)
            written = [target for node in ast.walk(function) for target in written_by(node)]
            assert [ast.unparse(it) for it in written if class_of(scope.type_of(it.value)) in MIRROR] == []
