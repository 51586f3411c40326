"""Names of an engine's settings, read from its own source without running it: what launch files are checked against.

    python scripts/read_engine_flags.py vllm FOLDER --version 0.31.0 --out tests/deploy/flags/vllm-0.31.0.yaml

FOLDER is an unpacked wheel or a checkout. Only names, kinds of value and choices are kept: facts, no text and no code.
"""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import yaml

Flag = dict[str, Any]
"""`value` (none, int, float, str or any) and, where the source lists them, `choices`."""
NUMBERS = ("int", "float")
SWITCHES = ("store_true", "store_false", "BooleanOptionalAction", "BooleanAction")


def flag(value: str, choices: list[Any] | None = None) -> Flag:
    """One entry of the table."""
    return {"value": value} | ({"choices": choices} if choices else {})


def tree_of(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def words(node: ast.AST | None) -> list[Any] | None:
    """Values of a list of literals; None where any is computed when the program runs."""
    if not isinstance(node, ast.List | ast.Tuple | ast.Set):
        return None
    if not all(isinstance(item, ast.Constant) for item in node.elts):
        return None
    return [item.value for item in node.elts if isinstance(item, ast.Constant)]


def kind_of(annotation: str) -> str:
    """The kind of value that an annotation admits."""
    plain = annotation.removesuffix(" | None")
    while wrapped := re.fullmatch(r"(?:Optional|SkipValidation)\[(.*)\]", plain):
        plain = wrapped[1].removesuffix(" | None")
    if plain == "bool":
        return "none"
    return plain if plain in (*NUMBERS, "str") else "any"


def from_call(call: ast.Call) -> Flag:
    """A flag of an argparse-like call with its keywords."""
    given = {word.arg: word.value for word in call.keywords if word.arg}
    action = ast.unparse(given["action"]).strip("'\"") if "action" in given else ""
    if any(name in action for name in SWITCHES) or "is_flag" in given:
        return flag("none")
    kind = ast.unparse(given.get("type", given.get("arg_type", ast.Constant(None))))
    return flag(kind if kind in (*NUMBERS, "str") else "any", words(given.get("choices")))


def names_in(call: ast.Call) -> list[str]:
    """The option strings of a call."""
    found = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
    found += [
        word.value.value
        for word in call.keywords
        if word.arg == "flag_name" and isinstance(word.value, ast.Constant) and isinstance(word.value.value, str)
    ]
    return [name for name in found if name.startswith("--")]


def calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    """Calls of functions or methods by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            yield node


def argparse_flags(paths: list[Path]) -> dict[str, Flag]:
    """Flags of `add_argument` calls, of helpers that take a `flag_name`, and of click options."""
    found: dict[str, Flag] = {}
    for path in paths:
        for call in calls(tree_of(path), "add_argument", "add_negatable_bool_argument", "option"):
            negatable = ast.unparse(call.func).endswith("add_negatable_bool_argument")
            for name in names_in(call):
                found[name] = flag("none") if negatable else from_call(call)
    return found


def aliases(tree: ast.AST) -> dict[str, list[Any]]:
    """Names of module-level `Literal`s and lists of words with their choices."""
    found: dict[str, list[Any]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            listed = literals(node.value) or words(node.value)
            if listed:
                found[node.targets[0].id] = listed
    return found


def literals(node: ast.AST) -> list[Any] | None:
    """Choices of a `Literal[...]`."""
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        inner = node.slice
        return words(inner if isinstance(inner, ast.Tuple) else ast.Tuple(elts=[inner], ctx=ast.Load()))
    return None


def vllm_fields(folder: Path) -> dict[str, Flag]:
    """Fields of vLLM's configuration classes by `Class.field`."""
    trees = [tree_of(path) for path in sorted((folder / "vllm" / "config").glob("*.py"))]
    trees.append(tree_of(folder / "vllm/model_executor/layers/quantization/__init__.py"))
    named = {name: choices for tree in trees for name, choices in aliases(tree).items()}
    found: dict[str, Flag] = {}
    for tree in trees:
        for owner in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
            for item in owner.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    text = ast.unparse(item.annotation)
                    plain = text.removesuffix(" | None")
                    choices = literals(item.annotation) or named.get(plain)
                    found[f"{owner.name}.{item.target.id}"] = flag(kind_of(text), choices)
    return found


def vllm_flags(folder: Path) -> dict[str, Flag]:
    """Flags of `vllm serve`: the server's own, and the engine's, which come from configuration classes."""
    engine = tree_of(folder / "vllm/engine/arg_utils.py")
    fields = vllm_fields(folder)
    owners = {
        node.targets[0].id: ast.unparse(node.value.args[0])
        for node in ast.walk(engine)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "get_kwargs"
    }
    found = argparse_flags([folder / "vllm/entrypoints/launchers/cli_args.py"])
    for call in calls(engine, "add_argument"):
        made = from_call(call)
        for spread in (word.value for word in call.keywords if word.arg is None):
            for part in (node for node in ast.walk(spread) if isinstance(node, ast.Subscript)):
                owner = owners.get(ast.unparse(part.value), "")
                made = fields.get(f"{owner}.{ast.unparse(part.slice).strip(chr(39))}", made)
        found |= dict.fromkeys(names_in(call), made)
    serving = tree_of(folder / "vllm/entrypoints/launchers/cli_args.py")
    for group in (node for node in ast.walk(serving) if isinstance(node, ast.ClassDef)):
        for item in group.body:
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                name = "--" + item.target.id.replace("_", "-")
                found.setdefault(name, flag(kind_of(ast.unparse(item.annotation))))
    return found


def vllm_bench(folder: Path) -> dict[str, Flag]:
    """Flags of `vllm bench serve`."""
    return argparse_flags([folder / "vllm/benchmarks/serve.py", *sorted((folder / "vllm/benchmarks").rglob("*.py"))])


def sglang_flags(folder: Path) -> dict[str, Flag]:
    """Flags of SGLang's server, which come from annotated fields of its groups of arguments."""
    groups = folder / "sglang/srt/arg_groups"
    listed = aliases(tree_of(groups / "choices.py"))
    found: dict[str, Flag] = {}
    for path in sorted((groups / "fields").glob("*.py")):
        for owner in (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.ClassDef)):
            for item in owner.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    found |= sglang_field(item, item.target.id, listed)
    return found | argparse_flags([folder / "sglang/srt/server_args.py"])


def sglang_field(item: ast.AnnAssign, name: str, listed: dict[str, list[Any]]) -> dict[str, Flag]:
    """The flags of one annotated field `name: A[type, help or Arg(...)]`."""
    shape = item.annotation
    if not (
        isinstance(shape, ast.Subscript) and ast.unparse(shape.value) == "A" and isinstance(shape.slice, ast.Tuple)
    ):
        return {}
    kind, told = shape.slice.elts[0], shape.slice.elts[1]
    given = {word.arg: word.value for word in told.keywords} if isinstance(told, ast.Call) else {}
    if "no_cli" in given:
        return {}
    switched = "action" in given and any(word in ast.unparse(given["action"]) for word in SWITCHES)
    choices = given.get("choices")
    allowed = literals(kind) or words(choices) or (listed.get(ast.unparse(choices)) if choices is not None else None)
    made = flag("none") if switched else flag(kind_of(ast.unparse(kind)), allowed)
    return dict.fromkeys(["--" + name.replace("_", "-"), *(words(given.get("aliases")) or [])], made)


def dynamo_flags(folder: Path, *, part: str) -> dict[str, Flag]:
    """Flags of Dynamo's own for one of its engines or its frontend; an engine's flags pass through."""
    if part == "frontend":
        return argparse_flags([folder / "dynamo/frontend/frontend_args.py"])
    groups = sorted((folder / "dynamo/common/configuration/groups").glob("runtime_args.py"))
    return argparse_flags([*groups, folder / f"dynamo/{part}/backend_args.py"])


def maxtext_flags(folder: Path) -> dict[str, Flag]:
    """Keys of MaxText's base configuration, which its command line assigns."""
    text = (folder / "maxtext/configs/base.yml").read_text(encoding="utf-8")
    return {
        name: flag({bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "any"))
        for name, value in yaml.safe_load(text).items()
    }


def neuron_flags(folder: Path) -> dict[str, Flag]:
    """Keys that NxD Inference's configuration takes."""
    text = (folder / "src/neuronx_distributed_inference/models/config.py").read_text(encoding="utf-8")
    return {name: flag("any") for name in re.findall(r"kwargs\.pop\(\s*\"(\w+)\"", text)}


def chart_keys(folder: Path) -> dict[str, Flag]:
    """Keys of the values of llm-d's model service chart, dotted."""
    text = (folder / "charts/llm-d-modelservice/values.yaml").read_text(encoding="utf-8")
    found: dict[str, Flag] = {}

    def walk(data: Any, path: str) -> None:
        found[path] = flag("any")
        for name, value in data.items() if isinstance(data, dict) else ():
            walk(value, f"{path}.{name}" if path else name)
        for value in data[:1] if isinstance(data, list) else ():
            walk(value, f"{path}[]")

    walk(yaml.safe_load(text), "")
    del found[""]
    return found


def router_flags(folder: Path) -> dict[str, Flag]:
    """Flags of SGLang's router, which are written with a prefix that is empty in its own command."""
    found: dict[str, Flag] = {}
    for call in calls(tree_of(folder / "sglang_router/router_args.py"), "add_argument"):
        for arg in call.args:
            name = ast.unparse(arg).strip("'\"").removeprefix("f").strip("'\"").replace("{prefix}", "")
            if name.startswith("--"):
                found[name] = from_call(call)
    return found


def aiperf_flags(folder: Path) -> dict[str, Flag]:
    """Flags of AIPerf, which stand as names in its configuration."""
    paths = sorted((folder / "aiperf" / "config").rglob("*.py"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in paths)
    return {name: flag("any") for name in re.findall(r"\"(--[a-z][a-z0-9-]+)\"", text)}


READERS: dict[str, Callable[[Path], dict[str, Flag]]] = {
    "vllm": vllm_flags,
    "vllm-bench": vllm_bench,
    "sglang": sglang_flags,
    "sglang-router": router_flags,
    "aiperf": aiperf_flags,
    **{f"dynamo-{part}": partial(dynamo_flags, part=part) for part in ("frontend", "vllm", "sglang", "trtllm")},
    "maxtext": maxtext_flags,
    "neuron": neuron_flags,
    "llm-d": chart_keys,
}


def main() -> None:
    """Read one engine and write its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=sorted(READERS))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--version", required=True)
    parser.add_argument("--source", required=True, help="where the source can be had, with its commit or release")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = READERS[given.engine](given.folder)
    head = {"engine": given.engine, "version": given.version, "source": given.source}
    text = yaml.safe_dump(head, sort_keys=False, width=120) + "settings:\n"
    for name in sorted(found):
        text += f"  {name}: {yaml.safe_dump(found[name], default_flow_style=True, width=100000).strip()}\n"
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(text, encoding="utf-8")
    print(f"{given.out}: {len(found)} settings")


if __name__ == "__main__":
    main()
