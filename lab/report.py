"""One page of figures from the logs alone: what each stage did, what it cost, why it works.

reads   out/*/log.jsonl, out/studies/*.jsonl, out/icl/*.jsonl, out/icl/*/*.jsonl, out/bench.jsonl
writes  out/report.html (one file, pictures inside, no outside requests), out/figures/*.png

    python -m lab.report                           draw what there is, list what is missing
    python -m lab.report --watch                   draw again whenever a log changes, while training
    python -m lab.report --out=out/studies/seed1   the stages of one seed of a study

Nothing is trained and no model is loaded. Each sentence under a figure is computed from the rows
that the figure shows. A broken line of a log is skipped and noted on the page.
"""

import importlib.util
import io
import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from lab.figures import STYLE, Missing, Run, exam, losses, speed
from lab.figures_bayes import demos, ginc, positions
from lab.figures_icl import phase, sizes, stages
from lab.figures_rlhf import overoptimisation, ppo, reward, tax, wins
from lab.report_page import STAGES, page
from plumbing.config import parse_config, positive
from plumbing.errors import BadInput, run

# --- configuration -----------------------------------------------------------------------------


@dataclass
class Config:
    preset: str = "default"  # there is one set of defaults
    out: str = "out"  # the folder to read; the page is written into it
    watch: bool = False  # draw again whenever a log changes, until Ctrl-C; the page reloads itself
    every: float = 5.0  # seconds between looks at the logs, with --watch


PRESETS = {"default": {}}
DPI = 160  # of a picture 9 inches wide
TABLES = ("tax", "overoptimisation", "fewshot", "bayes", "demos", "induction", "bench")
ICL = "python icl_eval.py --out={out}/icl/"
# Name of the file, function, the logs it draws, title in English and Korean, and the command that
# makes what is missing (or the stage that does).
FIGURES = [
    ("losses", losses, ("pretrain", "sft", "reward", "dpo"), "Losses", "손실", "pretrain"),
    ("exam", exam, ("sft",), "Held-out questions", "학습에 쓰지 않은 질문", "sft"),
    ("reward", reward, ("reward",), "The reward model", "보상 모델", "reward"),
    (
        "ppo",
        ppo,
        ("ppo",),
        "PPO: proxy, judge, KL, length",
        "PPO: 대리 보상, 심판, KL, 길이",
        "ppo",
    ),
    ("wins", wins, ("ppo", "tax"), "Win rates", "승률", "ppo"),
    (
        "tax",
        tax,
        ("tax",),
        "The alignment tax",
        "정렬 세금",
        "python -m lab.studies tax --out={out}/studies",
    ),
    (
        "overoptimisation",
        overoptimisation,
        ("overoptimisation",),
        "Over-optimisation",
        "과최적화",
        "python -m lab.studies overoptimisation --out={out}/studies",
    ),
    (
        "sizes",
        sizes,
        ("fewshot",),
        "Few-shot learning by model size",
        "모델 크기와 퓨샷 학습",
        ICL + "sizes --preset=sizes",
    ),
    (
        "stages",
        stages,
        ("fewshot",),
        "Few-shot learning by stage",
        "단계별 퓨샷 학습",
        ICL + "stages --preset=stages",
    ),
    (
        "phase",
        phase,
        ("fewshot", "induction"),
        "The phase change",
        "상전이",
        ICL + "watch --probe=induction --watch  # beside pretrain.py; and --probe=fewshot",
    ),
    (
        "ginc",
        ginc,
        ("bayes",),
        "Implicit Bayes",
        "암묵적 베이즈 추론",
        ICL + "bayes --probe=bayes --init={out}/ginc/ckpt.pt",
    ),
    (
        "positions",
        positions,
        ("bayes",),
        "KL to exact Bayes by position",
        "위치별로 본 베이즈와의 KL",
        ICL + "bayes --probe=bayes --init={out}/ginc/ckpt.pt",
    ),
    (
        "demos",
        demos,
        ("demos",),
        "What demonstrations are for",
        "예시는 무엇을 알려 주는가",
        ICL + "demos --probe=demos",
    ),
    ("speed", speed, ("bench",), "Speed", "속도", "python -m lab.bench --out={out}"),
]

# --- reading -----------------------------------------------------------------------------------


def read_log(path):
    """A log as a Run without kind, and the numbers of the lines that are no JSON object."""
    records, broken = [], []
    for n, text in enumerate(path.read_bytes().decode("utf-8", "replace").split("\n"), 1):
        try:
            record = json.loads(text) if text.strip() else None
        except (ValueError, RecursionError):
            record = False
        if isinstance(record, dict):
            records.append(record)
        elif text.strip():
            broken.append(n)
    head = records.pop(0) if records and "config" in records[0] else {}
    name = path.parent.name if path.name == "log.jsonl" else path.stem
    head["config"] = head["config"] if isinstance(head.get("config"), dict) else {}
    return Run(name, head, records), broken


def stage_of(log):
    """The stage that wrote a log.jsonl: its script, else what its folder is called."""
    argv = log.head.get("argv")
    script = re.split(r"[\\/]", str(argv[0]))[-1] if isinstance(argv, list) and argv else ""
    known = [name for name in STAGES if script == f"{name}.py"]
    return next(iter(known or [name for name in STAGES if log.name.startswith(name)]), None)


def find_logs(out):
    """Every file to read with its state: {path: (time of change, size)}; of tables the newest is
    last, so that it counts where two overlap."""
    patterns = ("studies/*.jsonl", "icl/*.jsonl", "icl/*/*.jsonl", "bench.jsonl")
    tables = [path for pattern in patterns for path in out.glob(pattern) if path.stem in TABLES]
    state = {}
    for path in (*sorted(out.glob("*/log.jsonl")), *tables):
        try:
            stat = path.stat()
        except FileNotFoundError:  # it went while we looked
            continue
        state[path] = (stat.st_mtime_ns, stat.st_size)
    tables = sorted((path for path in tables if path in state), key=state.get)
    newest_last = {path: state.pop(path) for path in tables}
    return state | newest_last


def read_logs(found):
    """{kind: runs}, {kind: the state of its files}, and notes on what could not be read."""
    logs = {kind: [] for kind in (*STAGES, *TABLES)}
    state, notes = {kind: [] for kind in logs}, []
    for path, stamp in found.items():
        name = path.as_posix()
        try:
            log, broken = read_log(path)
        except OSError as error:
            notes.append(f"{name}: {error.strerror or error}")
            continue
        if broken:
            shown = ", ".join(map(str, broken[:10])) + (", ..." if len(broken) > 10 else "")
            notes.append(f"{name}: {len(broken)} skipped, no JSON object: line {shown}")
        kind = stage_of(log) if path.name == "log.jsonl" else path.stem
        if kind is None:
            notes.append(f"{name}: written by no stage that is known here; skipped")
            continue
        logs[kind].append(log)
        state[kind].append((name, stamp))
    return logs, state, notes


# --- drawing -----------------------------------------------------------------------------------


def command(text, out):
    """The command line behind an entry of FIGURES, for the folder that is read."""
    if text in STAGES:
        needs = f" --out={{out}}/{text} {STAGES[text][2]}"
        text = f"python {text}.py" + (needs if out != "out" else "")
    return text.format(out=out).rstrip()


def draw(logs, state, cache):
    """The figures that the logs allow: {name: (title, Shown, PNG)}, and what is missing. Those
    whose logs have not changed come from `cache`."""
    import matplotlib

    shown, missing = {}, []
    for name, function, kinds, english, korean, made_by in FIGURES:
        now = [state[kind] for kind in kinds]
        if cache.get(name, (None,))[0] != now:
            try:
                with matplotlib.rc_context(STYLE):
                    drawn, picture = function(logs), io.BytesIO()
                    drawn.figure.savefig(picture, format="png", dpi=DPI)
                cache[name] = now, ((english, korean), drawn, picture.getvalue())
            except Missing as lack:
                cache[name] = now, lack
        entry = cache[name][1]
        if isinstance(entry, Missing):
            missing.append((made_by, f"{english}: {entry}", korean))
        else:
            shown[name] = entry
    for stage, (english, korean, _) in STAGES.items():
        if not logs[stage]:
            missing.append((stage, f"{english}: no run", korean))
    return shown, missing


def write(path, data):
    """Whole or not at all, so that a browser never reads half a page."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def render(cfg, found, cache):
    """Draw, write the pictures and the page; returns a function that writes the page again."""
    out = Path(cfg.out)
    logs, state, notes = read_logs(found)
    shown, lacks = draw(logs, state, cache)
    missing = {}
    for made_by, english, korean in lacks:
        before = missing.get(command(made_by, out.as_posix()), ("", ""))
        missing[command(made_by, out.as_posix())] = tuple(
            f"{old}; {new}" if old else new for old, new in zip(before, (english, korean))
        )
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for name, *_ in FIGURES:
        if name in shown:
            write(out / "figures" / f"{name}.png", shown[name][2])
        else:
            (out / "figures" / f"{name}.png").unlink(missing_ok=True)

    def write_page(refresh=0.0):
        text = page(logs, shown, missing, notes, refresh)
        write(out / "report.html", text.encode("utf-8", "replace"))

    write_page(cfg.every if cfg.watch else 0.0)
    print(
        f"{(out / 'report.html').as_posix()}: {len(shown)} figures; {len(missing)} commands "
        f"would add to it; {len(notes)} notes on the logs",
        flush=True,
    )
    return write_page


def main(cfg):
    """Write the page once, or with --watch after each change of a log until Ctrl-C."""
    positive(cfg, "every")
    if importlib.util.find_spec("matplotlib") is None:
        raise BadInput("report.py draws with matplotlib: pip install -e '.[plots]'")
    out = Path(cfg.out)
    if not out.is_dir() and not (cfg.watch and not out.exists()):
        raise BadInput(f"--out={cfg.out}: no such folder; the stages make it: python sft.py")
    found, cache = find_logs(out), {}
    write_page = render(cfg, found, cache)
    if not cfg.watch:
        return
    print("watching the logs, Ctrl-C ends", flush=True)
    try:
        while True:
            time.sleep(cfg.every)
            if (now := find_logs(out)) != found:
                found = now
                write_page = render(cfg, found, cache)
    except KeyboardInterrupt:
        write_page()  # a page that no longer reloads itself
        print("\nstopped watching")


# --- run ---------------------------------------------------------------------------------------

if __name__ == "__main__":
    run(lambda: main(parse_config(Config, PRESETS)))
