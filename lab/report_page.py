"""The page of report.py: the figures with their sentences, the lineage of the checkpoints, what
each stage answers, and what is missing. One file of HTML; whatever comes from a log is escaped."""

import base64
import html
import re

from lab.figures import arm, pick

# Stage: (title in English and Korean, options that name its inputs in another folder than out).
STAGES = {
    "pretrain": ("Pretraining", "사전학습", ""),
    "sft": ("Supervised fine-tuning", "지도 미세조정", "--init={out}/pretrain/ckpt.pt"),
    "reward": ("Reward model", "보상 모델", "--init={out}/sft/ckpt.pt"),
    "ppo": ("PPO", "PPO", "--init={out}/sft/ckpt.pt --reward={out}/reward/ckpt.pt"),
    "dpo": ("DPO", "DPO", "--init={out}/sft/ckpt.pt --data={out}/reward/comparisons.jsonl"),
}

ABOUT = (
    "Drawn from the logs of the runs; every sentence under a figure is computed from the rows "
    "that the figure shows.",
    "실행 로그에서 그렸습니다. 그림 아래의 문장은 그림이 보여 주는 값에서 계산한 것입니다.",
)
CSP = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
CSS = """
:root { color-scheme: light dark; --ink: #1b1b1b; --page: #fdfdfb; --soft: #5c5c5c; --edge: #d9d9d4;
  --card: #f3f3ee; --link: #0b5cad }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --page: #17181a; --soft: #a5a5a0;
  --edge: #3a3c40; --card: #222427; --link: #7db7f2 } img { filter: brightness(.9) } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem 1rem 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.55 system-ui, "Apple SD Gothic Neo", "Malgun Gothic",
  "Noto Sans CJK KR", "Noto Sans KR", sans-serif }
h1 { font-size: 1.6rem; margin: 0 0 .2rem } h2 { font-size: 1.2rem; margin: 0 0 .7rem }
h2 span, h1 span, .soft { color: var(--soft); font-weight: normal }
a { color: var(--link) } nav { margin: 1rem 0 2rem; line-height: 2 } nav a { display: inline-block;
  margin-right: 1rem }
section { border-top: 1px solid var(--edge); padding: 1.4rem 0 1rem }
img { display: block; width: 100%; height: auto; background: #fff; border: 1px solid var(--edge);
  border-radius: 6px; padding: 6px }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 1.5rem; margin: .8rem 0 }
.pair p { margin: 0; overflow-wrap: anywhere } .pair :lang(ko) { word-break: keep-all }
.said { background: var(--card); border-radius: 6px; padding: .8rem 1rem }
@media (max-width: 44rem) { .pair { grid-template-columns: 1fr; gap: .6rem } }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .88rem; width: 100% }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--edge);
  vertical-align: top; overflow-wrap: break-word } th { color: var(--soft); font-weight: 600 }
code { font: .9em ui-monospace, Consolas, monospace; background: var(--card); padding: .1em .3em;
  border-radius: 4px } li { margin: .3rem 0 } .soft { font-size: .88rem }
@media print { nav { display: none } section { break-inside: avoid } }
"""


def pair(texts, style):
    """One thing said in English and Korean, side by side where there is room."""
    english, korean = map(html.escape, texts)
    return f'<div class="pair {style}"><p lang="en">{english}</p><p lang="ko">{korean}</p></div>'


def table(columns, rows):
    """Cells are text; they are escaped here."""
    lines = ["<tr>" + "".join(f"<th>{html.escape(c)}</th>" for c in columns) + "</tr>"]
    lines += [
        "<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows
    ]
    return '<div class="wide"><table>' + "\n".join(lines) + "</table></div>"


def section(name, title, body):
    return (
        f'<section id="{name}"><h2>{html.escape(title[0])} <span lang="ko">'
        f"{html.escape(title[1])}</span></h2>{body}</section>"
    )


def lineage(logs):
    """Which run began from which, as lines of a table: children stand under their parents."""
    runs = [(stage, log) for stage in STAGES for log in logs[stage]]

    def place(path):  # a run's folder, as the command that made it wrote it
        return re.sub(r"[\\/]+", "/", str(path)).rstrip("/").removeprefix("./")

    home = {place(log.head["config"].get("out") or log.name): log for _, log in runs}

    def parent(log, key="init"):
        path = place(log.head["config"].get(key) or "")
        return path, home.get(path.rpartition("/")[0])

    lines, seen = [], set()

    def add(stage, log, depth):
        if id(log) in seen:
            return
        seen.add(id(log))
        config, (path, above) = log.head["config"], parent(log)
        came = above.name if above else path or "random weights"
        judged, judge = parent(log, "reward")
        came += f", rewarded by {judge.name if judge else judged}" if judged else ""
        steps = max((r["step"] for r in pick(log.rows, "step")), default=0)
        lines.append(
            (
                "\u00a0" * 3 * depth + ("└\u00a0" if depth else "") + log.name,
                STAGES[stage][0],
                came,
                str(config.get("data", ""))[:80],
                f"{steps:,}",
                result(log),
                f"{log.head.get('device', '')} {log.head.get('dtype', '')}".replace("torch.", ""),
            )
        )
        for other, child in runs:
            if child is not log and parent(child)[1] is log:
                add(other, child, depth + 1)

    for orphan in (True, False):  # those without a parent here first; then what a circle holds
        for stage, log in runs:
            if not orphan or parent(log)[1] in (None, log):
                add(stage, log, 0)
    return lines


def result(log):
    """The last figures that sum up a run."""
    fields = {
        "val_loss": "validation loss {:.3f}",
        "val_accuracy": "held-out pairs {:.1%}",
        "kl_exact": "KL {:.2f} nats",
        "win_rate": "preferred to SFT {:.1%}",
    }
    last = {field: pick(log.rows, field)[-1][field] for field in fields if pick(log.rows, field)}
    return ", ".join(fields[field].format(value) for field, value in last.items())


def answers(logs):
    """Questions and what each stage answers, from the samples in the logs: columns and rows."""
    said, free = {}, []
    for stage in STAGES:
        for log in logs[stage]:
            samples = [r["samples"] for r in log.rows if isinstance(r.get("samples"), list)]
            for sample in samples[-1] if samples else []:
                if isinstance(sample, str) and log.name == stage:
                    free.append(sample[:600])
                if isinstance(sample, dict) and isinstance(sample.get("question"), str):
                    for key, text in sample.items():
                        name = log.name if key == stage else key
                        if key != "question" and isinstance(text, str):
                            said.setdefault(sample["question"], {})[name] = text
    models = list(dict.fromkeys(name for row in said.values() for name in row))
    rows = [(q[:600], *(row.get(name, "")[:600] for name in models)) for q, row in said.items()]
    return ["question", *(arm(name)[0] for name in models)], rows[:20], free[:3]


def page(logs, shown, missing, notes, refresh):
    """The whole page as text. shown: {name: (title, Shown, PNG)}; missing: {command: (en, ko)}."""
    columns, rows, free = answers(logs)
    parts = []
    if lines := lineage(logs):
        parts.append(
            (
                "lineage",
                ("Lineage of the checkpoints", "체크포인트의 계보"),
                table(("run", "stage", "from", "data", "steps", "last figures", "machine"), lines),
            )
        )
    for name, (title, figure, picture) in shown.items():
        source = base64.b64encode(picture).decode("ascii")
        words = html.escape(figure.takeaway[0])
        body = (
            f'<img alt="{words}" src="data:image/png;base64,{source}">'
            + pair(figure.takeaway, "said")
            + pair(figure.caption, "soft")
        )
        body += table(figure.table[0], figure.table[1:]) if figure.table else ""
        parts.append((name, title, body))
    if rows or free:
        body = table(columns, rows) if rows else ""
        body += "".join(f'<p class="soft">base: {html.escape(text)}</p>' for text in free)
        place = sum(part[0] in ("lineage", "losses", "exam") for part in parts)
        parts.insert(
            place,
            (
                "answers",
                ("The same questions, each stage's answers", "같은 질문, 단계마다의 답"),
                body,
            ),
        )
    if missing:
        listed = [
            f'<li>{html.escape(en)} <span class="soft" lang="ko">{html.escape(ko)}</span><br>'
            f"<code>{html.escape(line)}</code></li>"
            for line, (en, ko) in missing.items()
        ]
        parts.append(("missing", ("Not there yet", "아직 없는 것"), f"<ul>{''.join(listed)}</ul>"))
    if notes:
        listed = "".join(f"<li>{html.escape(note)}</li>" for note in notes)
        parts.append(("notes", ("Notes on the logs", "로그에 대한 메모"), f"<ul>{listed}</ul>"))
    links = "".join(f'<a href="#{name}">{html.escape(title[0])}</a>' for name, title, _ in parts)
    reload = f'<meta http-equiv="refresh" content="{refresh:g}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{reload}'
        f'<meta http-equiv="Content-Security-Policy" content="{CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Report</title><style>{CSS}</style></head><body>"
        '<h1>From language model to assistant <span lang="ko">언어 모델에서 어시스턴트까지</span></h1>'
        + pair(ABOUT, "soft")
        + f"<nav>{links}</nav>"
        + "\n".join(section(*part) for part in parts)
        + "</body></html>\n"
    )
