"""The page of report.py: the figures with their sentences, the lineage of the checkpoints, what
each stage answers, and what is missing. One file, page.html filled in; text of a log is escaped."""

from html import escape
from pathlib import Path, PureWindowsPath
from string import Template

from lab import words_figures as words
from lab.figures.rows import pick
from lab.figures.vector import inline
from lab.figures.words import arm

# Stage: (title in English and Korean, options that name its inputs in another folder than out).
STAGES = {
    "pretrain": ("Pretraining", "사전학습", ""),
    "sft": ("Supervised fine-tuning", "지도 미세조정", "--init={out}/pretrain/ckpt.pt"),
    "reward": ("Reward model", "보상 모델", "--init={out}/sft/ckpt.pt"),
    "ppo": ("PPO", "PPO", "--init={out}/sft/ckpt.pt --reward={out}/reward/ckpt.pt"),
    "rules": ("Rule model", "규칙 모델", "--init={out}/sft_probed/ckpt.pt"),
    "dpo": ("DPO", "DPO", "--init={out}/sft/ckpt.pt --data={out}/reward/comparisons.jsonl"),
}
ORIGIN = (
    ("run", "실행"),
    ("stage", "단계"),
    ("from", "시작점"),
    ("data", "데이터"),
    ("steps", "스텝"),
    ("last figures", "마지막 값"),
    ("machine", "기계"),
)
BASE = ("base", "기본 모델")
RANDOM = ("random weights", "무작위 가중치")
QUESTION = ("question", "질문")
# Field: the last figure that sums up a run, in words.
RESULTS = {
    "val_loss": ("validation loss {:.3f}", "검증 손실 {:.3f}"),
    "val_accuracy": ("held-out pairs {:.1%}", "보류한 쌍 {:.1%}"),
    "kl_exact": ("KL {:.2f} nats", "KL {:.2f} nat"),
    "win_rate": ("preferred to SFT {:.1%}", "SFT보다 나음 {:.1%}"),
}
TITLE = ("Report", "보고서")
LINEAGE = ("Lineage of the checkpoints", "체크포인트의 계보")
ANSWERS = ("The same questions, each stage's answers", "같은 질문, 단계마다의 답")
MISSING = ("Not there yet", "아직 없는 것")
# A link's words, where a title says much.
SHORT = {"story": ("The story", "이야기"), "scaling": ("Size and text", "크기와 글의 양")}
NOTES = ("Notes on the logs", "로그에 대한 메모")

# --- pieces ------------------------------------------------------------------------------------


def both(texts, tag="span", style=""):
    """One thing said in English and Korean, of which the page shows the language that is chosen."""
    look = f' class="{style}"' if style else ""
    said = zip(("en", "ko"), map(escape, texts))
    return "".join(f'<{tag} lang="{lang}"{look}>{text}</{tag}>' for lang, text in said)


def row_of(tag, cells):
    """A row of a table; a cell may be a pair, English and Korean."""
    texts = [both(cell) if isinstance(cell, tuple) else escape(cell) for cell in cells]
    return "<tr>" + "".join(f"<{tag}>{text}</{tag}>" for text in texts) + "</tr>"


def table(rows):
    """Rows of text, the first one the columns; escaped here. Nothing where there are no others."""
    if len(rows) < 2:
        return ""
    lines = [row_of("th", rows[0]), *(row_of("td", row) for row in rows[1:])]
    return '<div class="wide"><table>' + "\n".join(lines) + "</table></div>"


def bullets(items):
    """A list of items that are HTML already."""
    lines = "".join(f"<li>{item}</li>" for item in items)
    return f"<ul>{lines}</ul>" if lines else ""


def picture(shown, pictures):
    """A figure: its picture in each language, its sentence, how it is to be read, its table."""
    image = ""
    for lang, picture, told in zip(("en", "ko"), pictures, shown.takeaway):
        image += f'<figure lang="{lang}">{inline(picture, escape(told))}</figure>'
    words = both(shown.takeaway, "p", "said") + both(shown.caption, "p", "soft")
    return image + words + table(shown.table)


# --- lineage and answers -----------------------------------------------------------------------


def place(path):
    """A path as the command that made a run wrote it, the same from every system."""
    return PureWindowsPath(path).as_posix()


def lineage(logs):
    """Which run began from which, as lines of a table: children stand under their parents."""
    runs, homes = {}, {}
    for stage in STAGES:
        for log in logs[stage]:
            runs[log.name] = (stage, log)
            homes[place(log.head["config"].get("out", log.name))] = log.name

    def source(name, option):
        """The run whose checkpoint an option of this run names, else the path that stands there."""
        path = runs[name][1].head["config"].get(option) or ""
        return homes.get(place(PureWindowsPath(path).parent), path and place(path))

    def line_of(name):
        """The runs from the first ancestor to this one, each by its number."""
        line = [name]
        while (above := source(line[0], "init")) in runs and above not in line:
            line.insert(0, above)
        return [list(runs).index(member) for member in line]

    lines = []
    for name in sorted(runs, key=line_of):
        stage, log = runs[name]
        depth = len(line_of(name)) - 1
        branch = "\u00a0" * 3 * depth + ("└\u00a0" if depth else "")
        judge = source(name, "reward")
        came = source(name, "init")
        came = (came, came) if came else RANDOM
        if judge:
            came = (f"{came[0]}, rewarded by {judge}", f"{came[1]}, 보상은 {judge}")
        data = log.head["config"].get("data", "")[:80]
        steps = max((row["step"] for row in pick(log.rows, "step")), default=0)
        machine = f"{log.head['device']} {log.head['dtype']}".replace("torch.", "")
        cells = (STAGES[stage][:2], came, data, f"{steps:,}", result(log), machine)
        lines.append((branch + name, *cells))
    return lines


def result(log):
    """The last figures that sum up a run, in English and Korean."""
    found = []
    for field, texts in RESULTS.items():
        for row in pick(log.rows, field)[-1:]:
            found.append([text.format(row[field]) for text in texts])
    return tuple(", ".join(texts) for texts in zip(*found)) or ""


def said(samples, stage, run):
    """{(question, model): answer} of one run, which calls its own model by the stage's name."""
    cells = {}
    for sample in samples:
        for key in [key for key in sample if key != "question"]:
            model = run if key == stage else key
            cells[sample["question"], model] = sample[key]
    return cells


def answers(logs):
    """The last samples in the logs: as a table what each model answers to a question, and what the
    base model writes of its own."""
    cells = {}
    free = []
    for stage in STAGES:
        for log in logs[stage]:
            for row in pick(log.rows, "samples")[-1:]:
                if stage != "pretrain":
                    cells |= said(row["samples"], stage, log.name)
                elif log.name == stage:
                    free = row["samples"][:3]
    models = list(dict.fromkeys(model for _, model in cells))
    rows = [[QUESTION, *((arm(model).english, arm(model).korean) for model in models)]]
    for question in list(dict.fromkeys(question for question, _ in cells))[:20]:
        texts = [cells.get((question, model), "") for model in models]
        rows.append([text[:600] for text in (question, *texts)])
    return rows, [text[:600] for text in free]


# --- the page ----------------------------------------------------------------------------------


def page(logs, shown, missing, notes, refresh, language="en"):
    """The whole page as text. shown: {name: (title, Shown, pictures)}; missing: {command: (what it
    would make, [(English, Korean)], how long it takes)}; refresh: seconds until the page loads
    itself again, or 0; language: en or ko, in which it opens."""
    figures = [(name, title, picture(*drawn)) for name, (title, *drawn) in shown.items()]
    rows, free = answers(logs)
    texts = "".join(f'<p class="soft">{both(BASE)}: {escape(text)}</p>' for text in free)
    lacks = []
    for command, (things, time) in missing.items():
        why = both(["; ".join(dict.fromkeys(texts)) for texts in zip(*things)])
        typed, _, note = command.partition("  # ")
        more = f"{both(words.both(note))} {both(time)}"
        lacks.append(f"{why}<br><code>{escape(typed)}</code> {more}")
    first = sum(name == "story" for name in shown)
    early = sum(name in ("story", "losses", "exam") for name in shown)
    parts = [
        *figures[:first],
        ("lineage", LINEAGE, table([ORIGIN, *lineage(logs)])),
        *figures[first:early],
        ("answers", ANSWERS, table(rows) + texts),
        *figures[early:],
        ("missing", MISSING, bullets(lacks)),
        ("notes", NOTES, bullets(map(both, notes))),
    ]
    links, sections = "", ""
    for name, titles, body in parts:
        if body:
            links += f'<a href="#{name}">{both(SHORT.get(name, titles))}</a>'
            sections += f'<section id="{name}"><h2>{both(titles)}</h2>{body}</section>\n'
    chosen = {lang: "checked" if lang == language else "" for lang in ("en", "ko")}
    reload = f'<meta http-equiv="refresh" content="{refresh:g}">' if refresh else ""
    whole = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    head = dict(language=language, title=TITLE[language == "ko"], reload=reload)
    return whole.substitute(links=links, sections=sections, **head, **chosen)
