"""The rules of the layout, read from the syntax trees: who imports whom, sizes, encodings, options."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted([*ROOT.glob("*.py"), *ROOT.glob("data/*.py")])
STAGES = {"pretrain", "sft", "reward", "ppo", "dpo", "icl_eval", "studies", "chat", "report"}
BASE = {"attention_gpu", "common", "native", "tokenizer"}  # these import none of ours
SHARED = {"model", "tokenizer", "common", "machine", "optim", "gpt2", "rewards", "scoring", "data"}
MAY_IMPORT = {**{name: set() for name in BASE}, "model": {"attention", "fused"},
              "attention": {"attention_gpu", "native"}, "fused": {"native"}, "machine": {"common"},
              "optim": set(), "gpt2": {"model"}, "rewards": {"common", "data"},
              **{name: SHARED for name in STAGES}, "studies": SHARED | {"answers"},
              "answers": {"common", "model", "tokenizer"},
              "label": {"common", "data", "scoring"}, "web": {"answers", "common", "data", "label"},
              "chat": {"answers", "common", "label", "machine", "web"}}
THIRD_PARTY = {"torch", "numpy", "tiktoken", "tqdm", "regex", "triton"}
EXTRAS = {"web": {"fastapi", "pydantic", "uvicorn"}}  # of files that are imported only when asked for
PROBES = {"icl_fewshot", "icl_bayes", "icl_demos", "icl_induction"}  # parts of icl_eval, not stages
MAY_IMPORT |= {"scoring": {"common"}, "icl_eval": SHARED | {"answers"} | PROBES,
               **{name: SHARED for name in PROBES}}
MAY_IMPORT["icl_demos"] = MAY_IMPORT["icl_demos"] | {"icl_fewshot"}  # both read a person's own file
FIGURES = {"figures", "figures_rlhf", "figures_icl", "figures_bayes"}
MAY_IMPORT |= {"report": {"common", "report_page"} | FIGURES, "report_page": {"figures"},
               **{name: {"scoring"} | (FIGURES if name != "figures" else set()) for name in FIGURES}}
# Who may see the hidden judge: labelers and evaluation.
SEE_JUDGE = {"sft", "ppo", "rewards", "labelers", "agreement", "exam", "studies"}
OURS = {path.stem for path in ROOT.glob("*.py")} | {"data"}
# Fields that common reads for every stage.
READ_BY_COMMON = {"preset", "device", "dtype", "seed", "resume"}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(nodes):
    """The dotted names that the statements import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "scripts run in place; no relative imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path):
    return [n for n in ast.walk(tree(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]


def outside_functions(node):
    """All nodes that run when the file is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from outside_functions(child)


@each_file
def test_who_imports_whom(path):
    ours = {name.split(".")[0] for name in imports(ast.walk(tree(path)))} & OURS
    if path.parent.name == "data":
        assert ours <= {"common", "tokenizer", "model", "scoring", "data"}
    else:
        assert ours <= MAY_IMPORT.get(path.stem, OURS)


@each_file
def test_the_judge_is_hidden(path):
    if "data.judge" in {".".join(n.split(".")[:2]) for n in imports(ast.walk(tree(path)))}:
        assert path.stem in SEE_JUDGE
    for function in functions(path):
        if "loss" in function.name or function.name == "get_batch":
            names = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
            assert "judge" not in names, f"{function.name} sees the judge"


@each_file
def test_only_the_listed_packages_are_needed(path):
    names = {name.split(".")[0] for name in imports(outside_functions(tree(path)))}
    assert names - set(sys.stdlib_module_names) - OURS <= THIRD_PARTY | EXTRAS.get(path.stem, set())


@each_file
def test_nothing_runs_at_import(path):
    for node in tree(path).body:
        assert not isinstance(node, (ast.For, ast.While, ast.With)), f"line {node.lineno}"
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"line {node.lineno}"


@each_file
def test_text_files_name_their_encoding(path):
    for call in (n for n in ast.walk(tree(path)) if isinstance(n, ast.Call)):
        method = isinstance(call.func, ast.Attribute)
        name = call.func.attr if method else getattr(call.func, "id", "")
        owner = getattr(call.func.value, "id", "") if method else ""
        text = name in ("read_text", "write_text") and method
        if not (text or name == "open") or (owner, name) == ("os", "open"):
            continue
        given = [*call.args, *(k.value for k in call.keywords if k.arg == "mode")]
        modes = [str(a.value) for a in given if isinstance(a, ast.Constant)]
        modes = [mode for mode in modes if set(mode) <= set("rwaxbt+")]
        binary = any("b" in m for m in modes) or owner == "gzip" and not any("t" in m for m in modes)
        if text or not binary:
            assert any(k.arg == "encoding" for k in call.keywords), f"line {call.lineno}"


def reads(module):
    """The options that a file reads as cfg.NAME."""
    return {n.attr for n in ast.walk(module) if isinstance(n, ast.Attribute)
            and isinstance(n.ctx, ast.Load) and getattr(n.value, "id", "") == "cfg"}


@each_file
def test_every_option_is_read(path):
    module = tree(path)
    configs = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name == "Config"]
    for config in configs:
        fields = {n.target.id for n in config.body if isinstance(n, ast.AnnAssign)}
        read = reads(module)
        if path.stem == "icl_eval":  # it hands its options to the probes
            read |= set().union(*(reads(tree(ROOT / f"{name}.py")) for name in PROBES))
        if any(getattr(n, "id", "") == "getattr" for n in ast.walk(module)):  # read by their names
            read |= {n.value for n in ast.walk(module) if isinstance(n, ast.Constant)} & fields
        assert fields - read <= READ_BY_COMMON, f"never read: {fields - read - READ_BY_COMMON}"
        assert not read - fields, f"no such option: {read - fields}"


@each_file
def test_sizes(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400, f"{len(lines)} lines"
    long = [number for number, line in enumerate(lines, 1) if len(line) > 100]
    assert not long, f"lines over 100 characters: {long}"


@each_file
def test_functions_fit_a_screen(path):
    for function in functions(path):
        length = function.end_lineno - function.lineno + 1
        limit = 120 if function.name in ("train", "main") else 60
        assert length <= limit, f"{function.name}: {length} lines"


def test_the_rules_can_fail():
    """The helpers above on a file that breaks the rules."""
    module = ast.parse("import ppo, data.judge\ntry:\n    import pandas\nexcept ImportError:\n    pass\n"
                       "def f():\n    import matplotlib\n")
    assert set(imports(ast.walk(module))) == {"ppo", "data.judge", "pandas", "matplotlib"}
    assert set(imports(outside_functions(module))) == {"ppo", "data.judge", "pandas"}
