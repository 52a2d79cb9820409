"""The rules of the house, read from the syntax trees: who imports whom, who sees the judge, sizes, simple
lines, encodings, options. A planted failure stands beside each."""

import ast
import functools
import io
import re
import sys
import tokenize
from pathlib import Path

import pytest

from model import GPTConfig

ROOT = Path(__file__).resolve().parent.parent
CORE = {"model", "tokenizer", "insertion", "sampling", "likelihood", "optim", "data", "judges"}
CORE |= {"plumbing"}
STAGES = ("pretrain", "sft", "reward", "ppo", "dpo", "rules")
# The law of imports: room or script -> the others that it may import. A folder may import itself.
LAW = {
    "plumbing": set(),
    "kernels": set(),
    "tokenizer": {"plumbing"},
    "optim": {"plumbing"},
    "grpo": {"plumbing"},
    "lora": {"plumbing"},
    "model": {"kernels"},
    "insertion": {"tokenizer"},
    "sampling": {"insertion", "model", "tokenizer", "kernels", "plumbing"},
    "likelihood": {"model", "tokenizer", "kernels", "plumbing"},
    "data": {"tokenizer", "plumbing"},
    "judges": {"data", "tokenizer", "insertion", "sampling", "likelihood", "plumbing"},
    "distillation": {"sampling", "likelihood", "data", "judges", "plumbing"},
    "icl": {"model", "likelihood", "optim", "data", "plumbing"},
    "desk": {"tokenizer", "insertion", "sampling", "likelihood", "data", "judges", "plumbing"},
    **dict.fromkeys(STAGES, CORE),
    "sft": CORE | {"lora", "distillation"},
    "ppo": CORE | {"grpo"},
    "dpo": CORE | {"reward"},
    "constitution": CORE,
    "icl_eval": CORE | {"icl"},
    "chat": CORE | {"desk"},
    "lab": CORE | {"kernels", "icl", "icl_eval", "constitution", "lora", *STAGES},
    "exercises": CORE | {"kernels", "icl", "lora", *STAGES},
}
ROOMS = sorted(room for room in LAW if (ROOT / room).is_dir())
FILES = sorted(
    [*ROOT.glob("*.py"), *(path for room in ROOMS for path in ROOT.glob(f"{room}/**/*.py"))]
)
LANGUAGES = ("", "english_", "korean_")  # before the name of what is read in each
MOVED = {"report", "studies", "bench", "exercises"}  # scripts that only tell their new command
OURS = set(LAW) | {"tests"}
THIRD_PARTY = {"torch", "numpy", "tiktoken", "tqdm", "regex", "triton"}
EXTRAS = {
    "server": {"fastapi", "uvicorn", "starlette"},
    "calls": {"fastapi", "pydantic"},
    "patience": {"uvicorn"},
}  # of files imported only when asked for
# What knows the truth: a stage that learns sees none of it.
GOLD = {"judges.hidden"}
GOLD |= {f"judges.{language}{what}" for what in ("violations", "harms") for language in LANGUAGES}
PROBES = ("fewshot", "bayes", "demonstrations", "induction")
# Options that the machinery (plumbing/) reads for every stage.
READ_BY_PLUMBING = {"preset", "device", "dtype", "seed", "resume", "out", "init", "grad_accum"}
READ_BY_PLUMBING |= {"eval", "log", "export", "checkpoint_activations"}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: p.relative_to(ROOT).as_posix())


@functools.cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def room_of(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(nodes):
    """The dotted names that the statements import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "scripts run in place; no relative imports"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(path):
    return [
        n for n in ast.walk(tree(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def outside_functions(node):
    """All nodes that run when the file is imported."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from outside_functions(child)


# --- who imports whom --------------------------------------------------------------------------


@each_file
def test_the_law_of_imports(path):
    if room_of(path) in MOVED and path.parent == ROOT:
        return
    found = {name.split(".")[0] for name in imports(ast.walk(tree(path)))} & OURS
    assert found <= LAW[room_of(path)] | ({room_of(path)} if path.parent != ROOT else set())


@pytest.mark.parametrize("probe", PROBES)
def test_no_probe_imports_another(probe):
    found = set(imports(ast.walk(tree(ROOT / "icl" / f"{probe}.py"))))
    assert not {
        name for name in found if name.split(".")[:1] == ["icl"] and name.split(".")[1] in PROBES
    }


def modules():
    """{dotted name: path} of every file that another may import."""
    names = {}
    for path in FILES:
        parts = path.relative_to(ROOT).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def edges():
    """{module: the modules of ours that it imports}, inside functions too."""
    known = modules()
    found = {}
    for module, path in known.items():
        wanted = set()
        for name in imports(ast.walk(tree(path))):
            wanted |= {name, name.rpartition(".")[0]} & known.keys()
        found[module] = wanted - {module}
    return found


def circle(graph):
    """The nodes of one circle, or nothing."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node) :]
        if node in done:
            return []
        path.append(node)
        for other in sorted(graph.get(node, ())):
            if found := visit(other):
                return found
        done.add(path.pop())
        return []

    return next((found for node in sorted(graph) if (found := visit(node))), [])


def javascript():
    """{file: the files it imports} of the page."""
    folder = ROOT / "desk" / "page"
    return {
        path.name: set(
            re.findall(r"from\s+[\"']\./([\w.]+)[\"']", path.read_text(encoding="utf-8"))
        )
        for path in folder.glob("*.js")
    }


def test_there_is_no_circle():
    between_files = edges()
    assert not circle(between_files) and not circle(javascript())
    between_rooms = {room: set() for room in LAW}
    for module, names in between_files.items():
        room = module.split(".")[0]
        if room in LAW:
            between_rooms[room] |= {name.split(".")[0] for name in names} - {room}
    assert not circle(between_rooms)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"] and len(javascript()) > 3


@each_file
def test_the_judge_is_hidden(path):
    names = {".".join(name.split(".")[:2]) for name in imports(ast.walk(tree(path)))}
    if names & GOLD:
        assert room_of(path) in ("judges", "lab")
        assert ".backward(" not in path.read_text(encoding="utf-8"), (
            "what has a loss sees the judge"
        )


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
def test_a_command_prints_on_any_console(path):
    """What is typed as a command prints through errors.run, which an old code page cannot stop."""
    parts = [n for n in tree(path).body if isinstance(n, ast.If) and "__main__" in ast.dump(n.test)]
    called = {
        getattr(n.func, "attr", getattr(n.func, "id", ""))
        for part in parts
        for n in ast.walk(part)
        if isinstance(n, ast.Call)
    }
    assert not parts or called & {"run", "moved"}, "the last lines of it"


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
        binary = (
            any("b" in m for m in modes) or owner == "gzip" and not any("t" in m for m in modes)
        )
        if text or not binary:
            assert any(k.arg == "encoding" for k in call.keywords), f"line {call.lineno}"


# --- options -----------------------------------------------------------------------------------


def reads(module):
    """The options that a file reads as cfg.NAME."""
    return {
        n.attr
        for n in ast.walk(module)
        if isinstance(n, ast.Attribute)
        and isinstance(n.ctx, ast.Load)
        and getattr(n.value, "id", "") == "cfg"
    }


@each_file
def test_every_option_is_read(path):
    module = tree(path)
    configs = [n for n in module.body if isinstance(n, ast.ClassDef) and n.name == "Config"]
    for config in configs:
        fields = {n.target.id for n in config.body if isinstance(n, ast.AnnAssign)}
        read = reads(module)
        if path.stem == "icl_eval":  # it hands its options to the probes
            read |= set().union(*(reads(tree(path)) for path in (ROOT / "icl").glob("*.py")))
        if path.stem == "ppo":  # to what opens its rewards
            read |= reads(tree(ROOT / "judges" / "combined.py"))
        if path.stem in ("ppo", "sft"):  # to what makes their questions and demonstrations
            read |= reads(tree(ROOT / "data" / "questions.py")) & fields
            read |= reads(tree(ROOT / "judges" / "exam.py")) & fields
        if path == ROOT / "reward.py":  # to what asks the questions that are ranked
            read |= reads(tree(ROOT / "judges" / "rankings.py"))
        if path == ROOT / "lab" / "korean.py":  # to the study whose exam it gives
            read |= reads(tree(ROOT / "lab" / "talk.py")) & fields
        if path.stem == "pretrain":  # and this one to what loads its text and to its network
            read |= reads(tree(ROOT / "data" / "corpora.py"))
            read |= fields & set(GPTConfig.__dataclass_fields__)
        if any(getattr(n, "id", "") == "getattr" for n in ast.walk(module)):  # read by their names
            read |= {n.value for n in ast.walk(module) if isinstance(n, ast.Constant)} & fields
        assert fields - read <= READ_BY_PLUMBING, f"never read: {fields - read - READ_BY_PLUMBING}"
        assert not read - fields or path.stem == "icl_eval", f"no such option: {read - fields}"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_that_trains_has_the_shared_options(stage):
    config = next(n for n in tree(ROOT / f"{stage}.py").body if getattr(n, "name", "") == "Config")
    fields = {n.target.id for n in config.body if isinstance(n, ast.AnnAssign)}
    assert {
        "out",
        "init",
        "data",
        "device",
        "dtype",
        "seed",
        "steps",
        "grad_accum",
        "resume",
    } <= fields


# --- sizes and simple lines --------------------------------------------------------------------


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


LOOSE = [
    path
    for path in FILES
    if path.parent == ROOT and path.stem in (*STAGES, "icl_eval", "constitution")
]
LOOSE += [path for path in FILES if room_of(path) in ("icl", "lab") or path.match("judges/exam.py")]
MOST_TOKENS = (
    10.5  # names, operators, numbers and strings in a line of code (nanoGPT 7.4, cleanrl 8.6)
)


def density(text):
    """Mean number of tokens in a line of code; docstrings and comments count as neither."""
    lines, count = set(), 0
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        word = token.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER)
        docstring = token.string.startswith(('"""', "'''"))
        if word or token.type == tokenize.STRING and not docstring:
            lines.add(token.start[0])
            count += 1
    return count / max(1, len(lines))


COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def nested(module):
    """Lines of comprehensions that stand inside another."""
    return [
        inner.lineno
        for outer in ast.walk(module)
        if isinstance(outer, COMPREHENSIONS)
        for inner in ast.walk(outer)
        if inner is not outer and isinstance(inner, COMPREHENSIONS)
    ]


def kind(node):
    """What a value is: the function of a call, else the sort of expression."""
    return ast.dump(node.func) if isinstance(node, ast.Call) else type(node).__name__


def unlike(module):
    """Lines that assign several things of different kinds at once."""
    return [
        node.lineno
        for node in ast.walk(module)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Tuple)
        and isinstance(node.targets[0], ast.Tuple)
        and len({kind(v) for v in node.value.elts}) > 1
    ]


def uncommented(text, names=("train", "update", "rollout")):
    """{function: the longest run of lines of code without a comment} of the loops that are read."""
    lines, found = text.splitlines(), {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            start = node.body[0].end_lineno if ast.get_docstring(node) else node.lineno
            run = longest = 0
            for line in lines[start : node.end_lineno]:
                banner = "# ---" in line and ":" not in line  # a title alone explains nothing
                real = not banner and re.search(r"#.*[a-z]{3}", line)
                run = 0 if real else run + bool(line.strip())
                longest = max(longest, run)
            found[node.name] = longest
    return found


@pytest.mark.parametrize("path", LOOSE, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_lines_are_simple(path):
    text = path.read_text(encoding="utf-8")
    assert density(text) <= MOST_TOKENS, f"{density(text):.1f} tokens a line of code"
    assert not nested(ast.parse(text)) and not unlike(ast.parse(text))


@pytest.mark.parametrize("stage", STAGES)
def test_loops_are_explained(stage):
    found = uncommented((ROOT / f"{stage}.py").read_text(encoding="utf-8"))
    assert "train" in found and max(found.values()) <= 10, found


def shared_lines(one, other):
    """How many lines of `one` stand in `other` too, in the same order."""
    best = [0] * (len(other) + 1)
    for line in one:
        before = best[:]
        for i, there in enumerate(other):
            best[i + 1] = before[i] + 1 if line == there else max(best[i], before[i + 1])
    return best[-1]


@pytest.mark.parametrize("one, other", [("pretrain", "sft"), ("reward", "dpo")])
def test_what_differs_between_two_stages_is_the_lesson(one, other):
    texts = [
        (ROOT / f"{name}.py").read_text(encoding="utf-8").splitlines() for name in (one, other)
    ]
    assert shared_lines(*texts) >= min(map(len, texts)) / 2


def test_the_rules_can_fail():
    """Each helper above on text that breaks its rule."""
    module = ast.parse(
        "import ppo, judges.hidden\ntry:\n    import pandas\nexcept ImportError:\n    pass\n"
        "def f():\n    import matplotlib\n"
    )
    assert set(imports(ast.walk(module))) == {"ppo", "judges.hidden", "pandas", "matplotlib"}
    assert set(imports(outside_functions(module))) == {"ppo", "judges.hidden", "pandas"}
    assert nested(ast.parse("a = [b for b in [c for c in d]]")) and not nested(
        ast.parse("[a for a in b]")
    )
    assert unlike(ast.parse("a, b = 1, {}")) and unlike(ast.parse("a, b = f(1), g(2)"))
    assert not unlike(ast.parse("a, b = b, a")) and not unlike(ast.parse("a, b = f(1), f(2)"))
    assert density("'''docs'''\na = b + 1\n# words\nc = 2\n") == 4.0
    loop = "def train(cfg):\n" + "    a = 1\n" * 11 + "    # the batch\n" + "    b = 2\n" * 3
    assert uncommented(loop) == {"train": 11}
    assert shared_lines("abcde", "xbydz") == 2
