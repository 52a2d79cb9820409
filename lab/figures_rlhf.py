"""The figures of report.py on the reward model and PPO: what was optimised, what came of it, and
what it cost. Functions, words and colours as in figures.py."""

import math

import numpy as np

from lab.figures import (
    ARMS,
    COLOURS,
    HATCHES,
    JUDGE,
    POINTS,
    Missing,
    Shown,
    arm,
    canvas,
    chosen,
    column,
    dots,
    errors,
    frame,
    gap,
    interval_bars,
    joined,
    line,
    moved,
    names,
    number,
    pick,
    plain,
    share_interval,
    smooth,
)
from plumbing.records import t_interval

# The reward model that each policy of the study climbs, and how many comparisons it has seen.
CLIMBS = {
    "ppo": "reward",
    "ppo_free": "reward",
    "ppo_few": "reward_few",
    "ppo_few_free": "reward_few",
}
COMPARISONS = {
    "reward": ("many comparisons", "비교가 많을 때"),
    "reward_few": ("few comparisons", "비교가 적을 때"),
}


# --- the reward model --------------------------------------------------------------------------


def reward(logs):
    """The reward model: agreement while it learns, beside simple rules, and its calibration."""
    run = chosen(logs["reward"], "reward")
    rows = run.rows if run else []
    curve = pick(rows, "step", "val_accuracy")
    if not curve:
        raise Missing("no reward-model run has logged its accuracy")
    details = next((r["details"] for r in reversed(rows) if isinstance(r.get("details"), dict)), {})
    judged = pick(curve, "judge_accuracy")
    figure, axes = canvas(1, 3, 3.2)
    frame(axes[0], "While it learns", "optimizer step", "pairs in the right order (%)")
    line(
        axes[0],
        column(curve, "step"),
        100 * column(curve, "val_accuracy"),
        1,
        "held-out labels",
        every=1,
    )
    line(
        axes[0],
        column(judged, "step"),
        100 * column(judged, "judge_accuracy"),
        2,
        "simulated judge",
        every=1,
    )
    axes[0].legend()
    final = {"reward model": (judged or curve)[-1]["judge_accuracy" if judged else "val_accuracy"]}
    final |= {
        key.replace("_", " "): details[key]
        for key in ("one_labeler", "bag_of_words", "length_only")
        if number(details.get(key))
    }
    bars = axes[1].barh(
        list(final),
        [100 * v for v in final.values()],
        color="white",
        edgecolor=[COLOURS[i] for i in (2, 0, 3, 5)][: len(final)],
    )
    for bar, hatch, value in zip(bars, HATCHES[1:], final.values()):
        bar.set_hatch(hatch)
        axes[1].text(
            100 * value + 2,
            bar.get_y() + 0.4,
            f"{100 * value:.0f}",
            va="center",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
    axes[1].axvline(50, color="black", linestyle=":", linewidth=1)
    axes[1].invert_yaxis()
    axes[1].set_xlim(0, 100)
    truth = "simulated judge" if judged else "held-out labels"
    frame(axes[1], f"Agreement: {truth}", "pairs in the right order (%)", "")
    bins = details.get("reliability") if isinstance(details.get("reliability"), list) else []
    bins = [
        b
        for b in bins
        if isinstance(b, dict) and pick([b], "confidence", "accuracy", "pairs") and b["pairs"] > 0
    ]
    bins = [b | dict(zip(("low", "high"), share_interval(b["accuracy"], b["pairs"]))) for b in bins]
    axes[2].plot(
        [50, 100], [50, 100], color="black", linestyle=":", linewidth=1, label="calibrated"
    )
    if bins:
        y = 100 * column(bins, "accuracy")
        low, high = 100 * column(bins, "low"), 100 * column(bins, "high")
        axes[2].errorbar(
            100 * column(bins, "confidence"),
            y,
            yerr=np.abs([y - low, high - y]),
            color=COLOURS[1],
            marker="s",
            capsize=3,
            label="reward model",
        )
        for b in bins:
            axes[2].annotate(
                f"{b['pairs']:,}",
                (100 * b["confidence"], 100 * b["low"] - 2),
                ha="center",
                va="top",
                fontsize=7,
            )
    axes[2].set(xlim=(48, 102), ylim=(35, 102))
    frame(
        axes[2],
        "Calibration (number: pairs)",
        "confidence in the order (%)",
        "held-out labels agree (%)",
    )
    axes[2].legend(loc="upper left")
    return Shown(
        figure,
        reward_said(curve, judged, final, bins),
        (
            JUDGE[0]
            + " Intervals: 95%, as if pairs were independent; pairs of one question are not, "
            "so the true ones are wider.",
            JUDGE[1]
            + " 구간은 쌍이 서로 독립이라고 본 95% 구간입니다. 한 질문의 쌍은 독립이 아니므로 실제 구간은 더 "
            "넓습니다.",
        ),
    )


def reward_said(curve, judged, final, bins):
    share = 100 * curve[-1]["val_accuracy"]
    said = [
        (
            f"The reward model orders {share:.0f}% of held-out pairs as their labelers did",
            f"보상 모델은 학습에 쓰지 않은 쌍의 {share:.0f}%를 라벨러와 같은 순서로 놓습니다",
        )
    ]
    if judged:
        said.append(
            (
                f"{100 * judged[-1]['judge_accuracy']:.0f}% as the simulated judge does",
                f"시뮬레이션 심판과는 {100 * judged[-1]['judge_accuracy']:.0f}% 일치합니다",
            )
        )
    if "bag of words" in final:
        more = 100 * (final["reward model"] - final["bag of words"])
        words = ("more", "많이") if more > 0 else ("fewer", "적게")
        said.append(
            (
                f"that is {abs(more):.1f} points {words[0]} than counting words gets",
                f"단어만 세는 규칙보다 {abs(more):.1f}%p {words[1]} 맞힙니다",
            )
        )
    if bins:
        weights = column(bins, "pairs")
        off = column(bins, "confidence") - column(bins, "accuracy")
        off = 100 * np.average(off, weights=weights)
        words = ("over", "지나치게") if off > 0 else ("under", "모자라게")
        said.append(
            (
                f"it is {words[0]}confident by {abs(off):.1f} points on average",
                f"평균 {abs(off):.1f}%p만큼 {words[1]} 확신합니다",
            )
        )
    return joined(said)


# --- PPO ---------------------------------------------------------------------------------------


def ppo(logs):
    """Proxy, judge, KL and length of each PPO run over its iterations."""
    runs = [(run, pick(run.rows, "step", "reward", "kl_exact")) for run in logs["ppo"]]
    runs = [(run, rows) for run, rows in runs if len(rows) > 1][:6]
    if not runs:
        raise Missing("no PPO run has logged its iterations")
    panels = [
        ("reward", "The proxy: what is optimised", "reward model's score"),
        ("judge", "The simulated judge: what is wanted", "judge's score"),
        ("kl_exact", "Distance to the SFT model", "KL (nats per answer)"),
        ("length", "Length of an answer", "tokens"),
    ]
    figure, axes = canvas(2, 2, 2.6, sharex=True)
    for ax, (field, title, unit) in zip(axes, panels):
        frame(ax, title, "PPO iteration", unit)
        for j, (run, rows) in enumerate(runs):
            label, i = ARMS.get(run.name, (plain(run.name), j))
            rows = pick(rows, field)
            x, y = column(rows, "step"), column(rows, field)
            ax.plot(x, y, color=COLOURS[i], alpha=0.25, linewidth=0.8)
            line(ax, x, smooth(y, 5), i, label)
    axes[0].legend()
    run, rows = next((pair for pair in runs if pair[0].name == "ppo"), runs[0])
    korean_names = {"reward": "대리 보상", "judge": "시뮬레이션 심판의 점수", "length": "답의 길이"}
    english_names = {
        "reward": "the proxy",
        "judge": "the simulated judge's score",
        "length": "the length of an answer",
    }
    said = []
    for field in korean_names:
        values = column(pick(rows, field), field)
        if len(values) > 5:
            form = "{:.1f} tokens" if field == "length" else "{:.2f}"
            english, korean = moved(values[:3].mean(), values[-3:].mean(), form)
            if field == "length":
                for word, better in (("낮아", "짧아"), ("높아", "길어"), (" tokens", "토큰")):
                    korean = korean.replace(word, better)
            said.append((f"{english_names[field]} {english}", f"{korean_names[field]}: {korean}"))
    kl = column(rows, "kl_exact")[-3:].mean()
    said.append(
        (
            f"the KL to the SFT model ended at {kl:.2f} nats per answer",
            f"SFT 모델과의 KL은 마지막에 답 하나당 {kl:.2f} nat입니다",
        )
    )
    name, (english, korean) = arm(run.name)[0], said[0]
    said[0] = (
        f"{name}, first three to last three of {len(rows)} iterations: {english}",
        f"{name}, 반복 {len(rows)}회의 처음 셋에서 마지막 셋까지 {korean}",
    )
    return Shown(
        figure,
        joined(said),
        (
            JUDGE[0]
            + " One run, so no interval: thin lines are single iterations, thick ones means "
            "of five neighbours. Measured on PPO's own training questions.",
            JUDGE[1]
            + " 한 번의 실행이라 구간이 없습니다. 가는 선은 반복 하나하나, 굵은 선은 이웃 다섯의 평균입니다. "
            "PPO가 학습하는 질문에서 잰 값입니다.",
        ),
    )


def over_seeds(rows, field):
    """Arms in the study's order, and of each the values of its seeds."""
    rows = pick(rows, field)
    order = [name for name in ARMS if name in names(rows, "arm")]
    order += [name for name in names(rows, "arm") if name not in order]
    return {name: column(pick(rows, arm=name), field).tolist() for name in order}


def paired(rows, field, one, other):
    """Mean over seeds of arm `one` minus arm `other`, and half its 95% interval."""
    a, b = (
        {row["seed"]: row[field] for row in pick(rows, field, "seed", arm=name)}
        for name in (one, other)
    )
    differences = [a[seed] - b[seed] for seed in a if seed in b]
    return t_interval(differences) if differences else (math.nan, math.nan)


def wins(logs):
    """How often the judge prefers a model's answer to the SFT model's."""
    rows = [
        row for run in logs["tax"] for row in pick(run.rows, "seed", "win", "win_low", "win_high")
    ]
    shown = {name: pick(rows, arm=name) for name in over_seeds(rows, "win")}
    if not shown:  # the stages' own logs: one run each
        for run in logs["ppo"]:
            for row in pick(run.rows, "win_rate"):
                n = row.get("n") if number(row.get("n")) and row["n"] > 0 else None
                low, high = share_interval(row["win_rate"], n) if n else (row["win_rate"],) * 2
                shown[run.name] = [{"win": row["win_rate"], "win_low": low, "win_high": high}]
    if not shown:
        raise Missing("no model's answers have been compared with the SFT model's")
    figure, (ax,) = canvas(1, 1, 0.9 + 0.45 * len(shown))
    said = []
    for y, (name, mine) in enumerate(shown.items()):
        label, i = arm(name)
        percent = [{k: 100 * row[k] for k in ("win", "win_low", "win_high")} for row in mine]
        offsets = y + 0.12 * (np.arange(len(mine)) - (len(mine) - 1) / 2)
        interval_bars(ax, offsets, percent, "win", "win_low", "win_high", i)
        mean = np.mean(column(percent, "win"))
        low, high = column(percent, "win_low").min(), column(percent, "win_high").max()
        words = ("not clearly different from half", "절반과 뚜렷이 다르지 않음")
        if low == high:
            words = ("no interval logged", "구간 기록 없음")
        elif low > 50:
            words = ("above half in every run", "모든 실행에서 절반을 넘음")
        elif high < 50:
            words = ("below half in every run", "모든 실행에서 절반에 못 미침")
        if name != "sft":
            said.append((f"{label} {mean:.0f}%, {words[0]}", f"{label} {mean:.0f}%, {words[1]}"))
    ax.axvline(50, color="black", linestyle=":", linewidth=1)
    ax.set_yticks(range(len(shown)), [arm(name)[0] for name in shown])
    ax.set(ylim=(len(shown) - 0.5, -0.5), xlim=(0, 100))
    frame(
        ax,
        "Preferred by the simulated judge to the SFT model's answer",
        "questions (%, ties count half; 95% interval, a point for each seed)",
        "",
    )
    said = joined(
        said,
        "Share of questions on which the answer is preferred to SFT's",
        "SFT의 답보다 낫다고 판정된 질문의 비율",
    )
    return Shown(figure, said, JUDGE)


def tax(logs):
    """What alignment costs: judge, language and lists of each model."""
    rows = [row for run in logs["tax"] for row in run.rows]
    panels = [
        ("judge", "Simulated judge, held-out questions", "score (higher is better)"),
        ("lm_loss", "Pretraining text", "loss (nats per token; lower is better)"),
        ("few_shot", "Known tasks, few-shot lists", "right (%)"),
        ("made_up", "Mappings made up in the prompt", "right (%)"),
    ]
    panels = [panel for panel in panels if over_seeds(rows, panel[0])]
    if not panels:
        raise Missing("the tax study has no rows")
    figure, axes = canvas(-(-len(panels) // 2), 2, 2.4)
    for ax, (field, title, unit) in zip(axes, panels):
        scale = 100 if "%" in unit else 1
        values = over_seeds(rows, field)
        dots(
            ax,
            [arm(name)[0] for name in values],
            [[scale * v for v in seeds] for seeds in values.values()],
            [arm(name)[1] for name in values],
        )
        frame(ax, title, unit, "")
    for ax in axes[len(panels) :]:
        ax.axis("off")
    said = []
    cost, half = paired(rows, "lm_loss", "ppo", "sft")
    if number(cost):
        english, korean = gap(cost, half, "{:+.3f}", (" nats per token", " nat/토큰"))
        said.append(
            (
                f"PPO minus SFT on pretraining text: {english}",
                f"사전학습 글에서 PPO − SFT: {korean}",
            )
        )
        back, half = paired(rows, "lm_loss", "ppo_ptx", "ppo")
        if number(back):
            english, korean = gap(back, half, "{:+.3f}")
            said.append((f"PPO-ptx minus PPO: {english}", f"PPO-ptx − PPO: {korean}"))
    for name in ("ppo", "ppo_ptx"):
        change, half = paired(rows, "few_shot", name, "sft")
        if number(change):
            english, korean = gap(100 * change, 100 * half, "{:+.1f}", POINTS)
            said.append(
                (
                    f"{arm(name)[0]} minus SFT on known lists: {english}",
                    f"아는 과제 목록에서 {arm(name)[0]} − SFT: {korean}",
                )
            )
    seeds = len({row["seed"] for row in pick(rows, "seed")})
    return Shown(
        figure,
        joined(said),
        (
            f"{JUDGE[0]} Mean over {seeds} seeds with 95% interval (Student's t); strokes: seeds.",
            f"{JUDGE[1]} 시드 {seeds}개의 평균과 95% 구간(스튜던트 t). 작은 획은 시드 하나하나입니다.",
        ),
    )


# --- over-optimisation -------------------------------------------------------------------------


def climbed(rows, name):
    """The runs of one arm of the study, cut to the length of the shortest: for each of kl, proxy
    and judge an array (seeds, points), and what the points are: iterations or n."""
    along = "n" if name.startswith("best_of_n") else "iteration"
    mine = pick(rows, "seed", along, "kl", "proxy", "judge", arm=name)
    runs = [
        sorted((r for r in mine if r["seed"] == seed), key=lambda r: r[along])
        for seed in dict.fromkeys(r["seed"] for r in mine)
    ]
    points = min(map(len, runs), default=0)
    return {
        field: np.array([column(run[:points], field) for run in runs])
        for field in ("kl", "proxy", "judge")
    }, points


def overoptimisation(logs):
    """Proxy and judge against the distance √KL: PPO and best-of-n, by reward model."""
    rows = [row for run in logs["overoptimisation"] for row in run.rows]
    arms = {name: climbed(rows, name) for name in names(rows, "arm")}
    models = [
        m
        for m in COMPARISONS
        if any(
            n > 1 for name, (_, n) in arms.items() if m in (CLIMBS.get(name), name.split(" ")[-1])
        )
    ]
    if not models:
        raise Missing("the over-optimisation study has no rows")
    figure, axes = canvas(2, len(models), 2.7, sharex="col")
    said = []
    for i, model in enumerate(models):
        for name, (path, points) in arms.items():
            best_of = name == f"best_of_n {model}"
            if points < 2 or not best_of and CLIMBS.get(name) != model:
                continue
            label, place = ("best of n answers", 0) if best_of else arm(name)
            width = 1 if best_of else 5
            x = np.sqrt(np.maximum(0, smooth(path["kl"].mean(0), width)))
            for field, ax in zip(("proxy", "judge"), axes[i :: len(models)]):
                seeds = np.array([smooth(run, width) for run in path[field]])
                line(ax, x, seeds.mean(0), place, label)
                every = max(1, points // 8)
                errors(ax, x[::every], seeds[:, ::every], place)
            if not best_of:
                said.append(parted(path, points, label, COMPARISONS[model]))
        frame(axes[i], f"The proxy, {COMPARISONS[model][0]}", "", "reward model's score")
        frame(
            axes[len(models) + i],
            f"The simulated judge, {COMPARISONS[model][0]}",
            "√KL to the SFT model (√nat per answer)",
            "judge's score",
        )
        axes[i].legend()
    said = [pair for pair in said if pair] or [("No PPO run yet", "PPO 실행이 아직 없습니다")]
    said = joined(
        said,
        "Last third of each run minus its middle third",
        "실행의 마지막 1/3에서 가운데 1/3을 뺀 값",
    )
    return Shown(
        figure,
        said,
        (
            JUDGE[0]
            + " Mean over seeds with 95% intervals, PPO smoothed over five iterations. PPO is "
            "measured on its training questions, best-of-n on held-out ones: compare shapes, not "
            "levels.",
            JUDGE[1]
            + " 시드 평균과 95% 구간이며 PPO는 이웃 다섯 반복의 평균입니다. PPO는 학습 질문에서, best-of-n은 "
            "학습에 쓰지 않은 질문에서 쟀으므로 높이가 아니라 모양을 비교해야 합니다.",
        ),
    )


def parted(path, points, label, comparisons):
    """Last third of a run against its middle third, seed by seed: do proxy and judge part?"""
    third = points // 3
    if not third:
        return None
    change = {
        field: t_interval(
            (
                path[field][:, -third:].mean(1) - path[field][:, third : points - third].mean(1)
            ).tolist()
        )
        for field in ("proxy", "judge")
    }
    (proxy, proxy_half), (judge, judge_half) = change["proxy"], change["judge"]
    word = ("", "")
    if number(judge_half):
        if judge < -judge_half:
            word = (
                (", they part", ", 서로 갈라집니다")
                if proxy > proxy_half
                else (", the judge falls", ", 심판 점수가 떨어집니다")
            )
        elif judge > judge_half:
            word = (", the judge still gains", ", 심판 점수도 아직 오릅니다")
    (proxy_en, proxy_ko), (judge_en, judge_ko) = gap(proxy, proxy_half), gap(judge, judge_half)
    return (
        f"{label}, {comparisons[0]}: proxy {proxy_en}, judge {judge_en}{word[0]}",
        f"{label}, {comparisons[1]}: 대리 보상 {proxy_ko}, 심판 {judge_ko}{word[1]}",
    )
