"""One page of figures from the logs alone: what each stage did, what it cost, why it works.

reads   out/*/log.jsonl, out/studies/*.jsonl, out/icl/*.jsonl, out/icl/*/*.jsonl,
        out/scaling/*.jsonl, out/bench.jsonl;
        of rules and of harm docs/records/*.jsonl as well, where no run of one's own is there
writes  out/report.html (one file, pictures inside, no outside requests), out/figures/*.svg;
        with --example out/example.html and out/example_figures/*.svg

    python -m lab.report                           draw what there is, list what is missing
    python -m lab.report --preset=ko               the same of the chain in Korean, in Korean
    python -m lab.report --example                 the whole story, from the committed records
    python -m lab.report --watch                   draw again whenever a log changes, while training
    python -m lab.report --out=out/studies/seed1   the stages of one seed of a study

Nothing is trained and no model is loaded. Each sentence under a figure is computed from the rows
that the figure shows. A broken line of a log is skipped and noted on the page.
"""

import importlib.util
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import NamedTuple

from plumbing.config import check_options, idle, parse_config, positive

if __name__ == "__main__":  # answer --help and slips before torch, a second's work, loads
    check_options(__file__)

from data.rows import whole
from lab import example
from lab.figures.alignment import ppo, reward, wins
from lab.figures.bayes import demos, ginc, positions
from lab.figures.claude import pareto
from lab.figures.fewshot import phase, sizes, stages
from lab.figures.frames import STYLE
from lab.figures.harm import revisions, tension
from lab.figures.labels import examples
from lab.figures.rows import Missing, Run
from lab.figures.scaling import scaling
from lab.figures.sparrow import broken_rules, which_rule
from lab.figures.story import story
from lab.figures.studies import overoptimisation, tax
from lab.figures.training import exam, losses, speed
from lab.figures.vector import in_korean, svg_of
from lab.figures.words import say
from lab.harvest import RECORDS, records
from lab.page import STAGES, page
from lab.words_figures import both
from plumbing.errors import BadInput, run
from plumbing.files import write_text
from plumbing.records import plain

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "default"  # a named set of other defaults
    out: str = "out"  # the folder to read; the page is written into it
    example: bool = False  # draw what was measured before and is committed, without any run
    language: str = "en"  # that the page opens in: en or ko; a switch on it shows the other
    watch: bool = False  # draw again whenever a log changes, until Ctrl-C; the page reloads itself
    every: float = 5.0  # seconds between looks at the logs, with --watch


PRESETS = {"default": {}, "ko": dict(out="out/ko", language="ko")}  # the chain in Korean


class Figure(NamedTuple):
    """A figure of the page; its file is called as the function is."""

    draw: Callable  # from the logs to a Shown
    needs: tuple  # the kinds of logs that it draws
    english: str
    korean: str
    made_by: str  # the command that makes what is missing, or the stage that does


TAX = "python -m lab.tax --out={out}/studies"
OVER = "python -m lab.overoptimisation --out={out}/studies"
PARETO = "python -m lab.pareto --out={out}/studies"
TENSION = "python -m lab.tension --out={out}/studies"
PROBING = "python -m lab.probing --out={out}/studies"
ICL = "python icl_eval.py --out={out}/icl/"
SIZES = ICL + "sizes --preset=sizes"
STAGED = ICL + "stages --preset=stages"
WATCH = ICL + "watch --probe=induction --watch  # beside pretrain.py; and --probe=fewshot"
GINC = ICL + "bayes --probe=bayes --init={out}/ginc/ckpt.pt"
SCALING = "python -m lab.scaling --reach --out={out}/scaling"
DEMOS = ICL + "demos --probe=demos"
BENCH = "python -m lab.bench --out={out}"
FIGURES = [
    Figure(story, ("tax", "preferences"), "The story", "이야기", TAX),
    Figure(losses, ("pretrain", "sft", "reward", "dpo"), "Losses", "손실", "pretrain"),
    Figure(scaling, ("scaling",), "Size and text", "크기와 글의 양", SCALING),
    Figure(exam, ("sft", "questions"), "Held-out questions", "보류한 질문", "sft"),
    Figure(reward, ("reward",), "The reward model", "보상 모델", "reward"),
    Figure(ppo, ("ppo",), "PPO: proxy, judge, KL, length", "PPO: 대리 보상, 심판, KL, 길이", "ppo"),
    Figure(wins, ("ppo", "tax"), "Win rates", "승률", "ppo"),
    Figure(tax, ("tax",), "The alignment tax", "정렬 세금", TAX),
    Figure(overoptimisation, ("overoptimisation",), "Over-optimisation", "과최적화", OVER),
    Figure(broken_rules, ("probing",), "Rules under attack", "공격받는 규칙", PROBING),
    Figure(
        which_rule,
        ("rules", "rules_record"),
        "Which rule is broken",
        "어느 규칙을 어겼는가",
        "rules",
    ),
    Figure(
        tension,
        ("tension", "tension_record", "reward"),
        "Help against harm",
        "도움과 무해의 맞섬",
        TENSION,
    ),
    Figure(
        revisions,
        ("constitution", "revisions"),
        "Harm by round of revision",
        "고친 횟수에 따른 해",
        "constitution",
    ),
    Figure(pareto, ("pareto",), "Helpful and harmless", "도움과 무해", PARETO),
    Figure(examples, ("examples",), "True and random labels", "정답 라벨과 무작위 라벨", ""),
    Figure(sizes, ("fewshot",), "Few-shot learning by model size", "모델 크기와 퓨샷 학습", SIZES),
    Figure(stages, ("fewshot",), "Few-shot learning by stage", "단계별 퓨샷 학습", STAGED),
    Figure(phase, ("fewshot", "induction"), "The phase change", "상전이", WATCH),
    Figure(ginc, ("bayes",), "Implicit Bayes", "암묵적 베이즈 추론", GINC),
    Figure(
        positions, ("bayes",), "KL to exact Bayes by position", "위치별로 본 베이즈와의 KL", GINC
    ),
    Figure(demos, ("demos",), "What demonstrations are for", "예시는 무엇을 알려 주는가", DEMOS),
    Figure(speed, ("bench",), "Speed", "속도", BENCH),
]
TABLES = (
    "tax",
    "overoptimisation",
    "probing",
    "tension",
    "pareto",
    "scaling",
    "fewshot",
    "bayes",
    "demos",
    "induction",
    "bench",
)
PLACES = (
    "studies/*.jsonl",
    "icl/*.jsonl",
    "icl/*/*.jsonl",
    "scaling/*.jsonl",
    "bench.jsonl",
)
# What was measured before and is committed: drawn where there is no run of one's own.
COMMITTED = {
    "probing": "probing",
    "rules_record": "rules",
    "tension_record": "tension",
    "revisions": "revisions",
    "pareto": "pareto",
    "scaling": "scaling",
    "preferences": "preferences",
}
RECORDED = ("questions", "examples")  # kinds that records alone have (lab/example.py)
# Who writes a log: the options that name its inputs in another folder than out.
INPUTS = {
    **{stage: inputs for stage, (_, _, inputs) in STAGES.items()},
    "constitution": "--init={out}/sft_helpful/ckpt.pt",
}
# Of a command the runs whose time was measured.
TIMED = {GINC: ("ginc", "bayes"), DEMOS: ("demonstrations",)}

# --- reading -----------------------------------------------------------------------------------


def read_log(path):
    """A log as a Run, and the numbers of its lines that are no JSON: a run that was killed, or that
    is writing just now, leaves half a line."""
    records, broken = [], []
    text = path.read_bytes().decode("utf-8", "replace")
    for number, line in enumerate(text.split("\n"), 1):
        try:  # what is not finite is read as nothing: it cannot be drawn
            record = plain(json.loads(line or "{}", parse_int=whole))
        except (ValueError, RecursionError):
            record = None
        if isinstance(record, dict):
            records += [record] if record else []
        else:
            broken.append(number)
    head, *rows = records or [{}]
    name = path.parent.name if path.name == "log.jsonl" else path.stem
    return Run(name, head, rows), broken


def stage_of(log):
    """The stage that wrote a log.jsonl: its script, else what its folder is called."""
    argv = log.head.get("argv")
    first = argv[0] if isinstance(argv, list) and argv else ""
    script = PureWindowsPath(str(first)).stem  # either kind of slash
    if script in INPUTS:
        return script
    return next((name for name in INPUTS if log.name.startswith(name)), None)


def find(out):
    """Every file to read; of the tables the newest is last, so that it counts where two overlap."""
    tables = []
    for pattern in PLACES:
        tables += [path for path in out.glob(pattern) if path.stem in TABLES]
    tables.sort(key=lambda path: (path.stat().st_mtime_ns, path))
    return sorted(out.glob("*/log.jsonl")) + tables


def read_logs(out):
    """{kind: runs}, and notes on what could not be read."""
    logs = {kind: [] for kind in (*INPUTS, *TABLES, *COMMITTED, *RECORDED)}
    notes = []
    for path in find(out):
        log, broken = read_log(path)
        if broken:
            lines = ", ".join(map(str, broken))
            english = "{0}: {1} skipped, no JSON object: line {2}"
            korean = "{0}: JSON이 아니라서 {1}줄을 건너뜀: {2}번째 줄"
            notes.append(say(english, korean, path.as_posix(), len(broken), lines))
        kind = stage_of(log) if path.name == "log.jsonl" else path.stem
        if kind is None:
            english = "{0}: written by no stage that is known here; skipped"
            korean = "{0}: 알지 못하는 단계가 쓴 것이라 건너뜀"
            notes.append(say(english, korean, path.as_posix()))
            continue
        logs[kind].append(log)
    for kind, subject in COMMITTED.items():
        path = RECORDS / f"{subject}.jsonl"
        if path.exists() and not logs[kind]:
            logs[kind].append(read_log(path)[0])
    return logs, notes


# --- drawing -----------------------------------------------------------------------------------


def command(text, out):
    """The command line that FIGURES names, for the folder that is read."""
    if text in INPUTS:
        inputs = f" --out={{out}}/{text} {INPUTS[text]}"
        by_itself = {"out": "", "out/ko": " --preset=ko"}  # where the chain finds its inputs
        text = f"python {text}.py{by_itself.get(out, inputs)}"
    return text.format(out=out).rstrip()


def known_time(maker):
    """How long a command took where it was measured, as text, English and Korean; "" else."""
    rows = [row for row in records("times") if row["run"] in TIMED.get(maker, (maker,))]
    if not rows:
        return "", ""
    minutes = max(1, round(sum(row["seconds"] for row in rows) / 60))
    where = both(rows[0]["machine"].partition(";")[0])
    return say("about {0} min ({1})", "약 {0}분({1})", minutes, where)


def draw(figure, logs):
    """(title, Shown, its pictures as SVG, English and Korean), or what the logs lack."""
    import matplotlib

    try:
        with matplotlib.rc_context(STYLE):
            shown = figure.draw(logs)
            pictures = shown.figure
            if not isinstance(pictures, tuple):  # it is matplotlib's, drawn in English
                name = figure.draw.__name__
                english = svg_of(shown.figure, name)
                pictures = (english, in_korean(english, name))
    except Missing as lack:
        return lack
    return shown.title or (figure.english, figure.korean), shown, pictures


def draw_all(logs, cache):
    """The figures that the logs allow, {name: (title, Shown, pictures)}, and what is missing, {the
    stage or the command that makes it: [(English, Korean)]}. A figure whose logs have not changed
    comes from `cache`."""
    shown, missing = {}, {}
    for figure in FIGURES:
        name = figure.draw.__name__
        mine = {kind: logs[kind] for kind in figure.needs}
        if name not in cache or cache[name][0] != mine:
            cache[name] = (mine, draw(figure, mine))
        drawn = cache[name][1]
        if isinstance(drawn, Missing) and set(figure.needs) <= {*RECORDED}:
            continue  # no run of one's own makes it
        if isinstance(drawn, Missing):
            lack = (f"{figure.english}: {drawn}", figure.korean)
            missing.setdefault(figure.made_by, []).append(lack)
        else:
            shown[name] = drawn
    for stage, (english, korean, _) in STAGES.items():
        if not logs[stage]:
            missing.setdefault(stage, []).append((f"{english}: no run", korean))
    return shown, missing


def render(out, found, cache, refresh, language="en", name="report"):
    """Draw, write the pictures and the page; returns a line that says what is on it."""
    logs, notes = found
    shown, missing = draw_all(logs, cache)
    lacks = {}
    for maker, things in missing.items():
        lacks[command(maker, out.as_posix())] = (things, known_time(maker))
    figures = out / ("figures" if name == "report" else f"{name}_figures")
    figures.mkdir(parents=True, exist_ok=True)
    for drawn in cache:
        path = figures / f"{drawn}.svg"
        path.unlink(missing_ok=True)
        if drawn in shown:
            write_text(path, shown[drawn][2][language == "ko"])
    path = out / f"{name}.html"
    write_text(path, page(logs, shown, lacks, notes, refresh, language))
    return (
        f"{path.as_posix()}: {len(shown)} figures; {len(lacks)} commands would add to it; "
        f"{len(notes)} notes on the logs"
    )


def main(cfg):
    """Write the page once, or with --watch after each change of a log until Ctrl-C."""
    positive(cfg, "every")
    if not cfg.watch:
        idle(cfg, "without --watch", "every")
    if importlib.util.find_spec("matplotlib") is None:
        raise BadInput("report.py draws with matplotlib: pip install -e '.[plots]'")
    if cfg.language not in ("en", "ko"):
        raise BadInput(f"--language={cfg.language}: expected en or ko")
    if cfg.example and cfg.watch:
        raise BadInput("--example draws records that do not change; leave out --watch")
    out = Path(cfg.out)
    if cfg.example:
        found = example.logs(read_logs(Path("nowhere"))[0]), example.notes()
        print(render(out, found, {}, 0.0, cfg.language, "example"))
        return
    if not out.is_dir() and not (cfg.watch and not out.exists()):
        raise BadInput(f"--out={cfg.out}: no such folder; the stages make it: python sft.py")
    found = read_logs(out)
    cache = {}
    every = cfg.every if cfg.watch else 0.0
    print(render(out, found, cache, every, cfg.language), flush=True)
    if not cfg.watch:
        return
    print("watching the logs, Ctrl-C ends", flush=True)
    try:
        while True:
            time.sleep(cfg.every)
            if (now := read_logs(out)) != found:
                found = now
                print(render(out, found, cache, cfg.every, cfg.language), flush=True)
    except KeyboardInterrupt:
        render(out, found, cache, 0.0, cfg.language)  # a page that no longer reloads itself
        print("\nstopped watching")


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
