"""The figure that the report opens with: what each step of the blog's story changes, over seeds.

The rows are those of the study of the alignment tax, one's own or the committed ones. A picture is
drawn for each language (lab/svg.py), which follows a light and a dark page by itself.
"""

from lab.figures.frames import Shown
from lab.figures.rows import all_rows, by, column, pick, some
from lab.figures.studies import paired
from lab.figures.words import ARMS, JUDGE, NO_UNIT, POINTS, clear, say, sentence
from lab.svg import MARGIN, Scale, across, around, dot, line, picture, text
from plumbing.records import t_interval

ORDER = ("pretrain", "sft", "ppo", "ppo_ptx", "dpo")
TONES = {"pretrain": "quiet", "sft": "quiet"}  # what has not learned from preferences
# Field: what it is, its unit, that of a difference, what a value is multiplied by, digits, is more
# better?
MEASURED = {
    "correct": (("right answers", "맞은 답"), " %", POINTS, 100, 0, True),
    "rude": (("rude answers", "무례한 답"), " %", POINTS, 100, 0, False),
    "judge": (("judge's score", "심판의 점수"), "", NO_UNIT, 1, 2, True),
    "lm_loss": (("loss on plain text", "보통 글의 손실"), "", (" nats", " nat"), 1, 2, False),
}
LEFT, PANEL, GAP, ROW, TOP = 104, 124, 26, 30, 56
# What is said, where the interval of one arm minus another excludes zero: field, the two arms, and
# the words for a difference above zero and for one below.
CLAIMS = (
    (
        "correct",
        "sft",
        "pretrain",
        ("fine-tuning makes more answers right", "미세조정으로 맞는 답이 늘고"),
        ("fine-tuning makes fewer answers right", "미세조정으로 맞는 답이 줄고"),
    ),
    (
        "rude",
        "ppo",
        "sft",
        ("PPO makes answers ruder", "PPO로 무례한 답이 늘며"),
        ("PPO stops the rudeness", "PPO로 무례한 답이 사라지며"),
    ),
    (
        "lm_loss",
        "ppo",
        "sft",
        ("at the price of some language", "그 대가로 언어를 조금 잃고"),
        ("and the language gains", "언어도 나아지고"),
    ),
    (
        "lm_loss",
        "ppo_ptx",
        "ppo",
        ("which ptx makes dearer", "ptx는 그 대가를 키웁니다"),
        ("which ptx gives back", "ptx가 그것을 돌려줍니다"),
    ),
)


def change(rows, field, one, other):
    """(mean, half the interval) of arm `one` minus arm `other`, seed by seed; None where that is
    not told from zero: there are not two seeds, or the interval holds it."""
    differences = paired(rows, field, one, other)
    if len(differences) < 2:
        return None
    mean, half = t_interval(differences)
    return (mean, half) if clear(mean, half) else None


def story(logs):
    """Right, rude, judge and language of the base model and of all that is made of it."""
    rows = pick(all_rows(logs["tax"]) or all_rows(logs["preferences"]), "arm", *MEASURED)
    arms = [arm for arm in ORDER if arm in by(rows, "arm")]
    some(arms[1:], "no rows of a base model and of what was tuned from it")
    drawn = tuple(draw(rows, arms, language) for language in (0, 1))
    seeds = len(by(rows, "seed"))
    caption = say(
        "{0} {1} held-out questions, sampled, and {2} seeds: dot and bar are the mean and its 95% "
        "interval (Student's t), specks the seeds.",
        "{0} 보류한 질문 {1}개에 뽑은 답, 시드 {2}개. 점과 막대는 평균과 95% 구간"
        "(스튜던트 t)이고 작은 점은 시드 하나하나입니다.",
        JUDGE,
        rows[0].get("n", "?"),
        seeds,
    )
    return Shown(drawn, differences(rows), caption, table(rows, arms), finding(rows))


def finding(rows):
    """The title: the claims that hold one after the other, as far as they do."""
    told = []
    for field, one, other, above, below in CLAIMS:
        found = change(rows, field, one, other)
        if not found:
            break
        told.append(above if found[0] > 0 else below)
    if not told:
        return "From the base model to an assistant", "기본 모델에서 어시스턴트까지"
    english, korean = zip(*told)
    title = ", ".join(english)
    return title[0].upper() + title[1:], " ".join(korean)


def differences(rows):
    """What each step changes, where that is more than chance."""
    said = []
    for one, other in (("sft", "pretrain"), ("ppo", "sft"), ("ppo_ptx", "ppo"), ("dpo", "sft")):
        parts = []
        for field, (name, _, unit, times, digits, _) in MEASURED.items():
            found = change(rows, field, one, other)
            if found:
                value = f"{times * found[0]:+.{digits}f} ± {times * found[1]:.{digits}f}"
                parts.append(say("{0} {1}{2}", "{0} {1}{2}", name, value, unit))
        if parts:
            english, korean = zip(*parts)
            listed = (", ".join(english), ", ".join(korean))
            said.append(say("{0} minus {1}: {2}", "{0} − {1}: {2}", ARMS[one], ARMS[other], listed))
    return sentence(said)


def table(rows, arms):
    """The same figures as numbers."""
    names = [name for name, *_ in MEASURED.values()]
    lines = [(("model", "모델"), *names)]
    for arm in arms:
        cells = [ARMS[arm][:2]]
        for field, (_, unit, _, times, digits, _) in MEASURED.items():
            mean, half = t_interval(times * column(pick(rows, arm=arm), field))
            exact = max(digits, int(half < 1))
            width = f" ± {half:.{exact}f}" if half == half else ""
            cells.append(f"{mean:.{exact}f}{width}{unit}")
        lines.append(tuple(cells))
    return tuple(lines)


# --- the picture -------------------------------------------------------------------------------


def draw(rows, arms, language):
    """The picture in English (0) or Korean (1)."""
    parts = []
    for place, arm in enumerate(arms):
        parts.append(text(MARGIN, TOP + ROW * (place + 0.45) + 4, ARMS[arm][language], "ink bold"))
    for place, field in enumerate(MEASURED):
        parts += panel(rows, arms, field, LEFT + place * (PANEL + GAP), language)
    told = finding(rows)[language]
    return picture("", [told], TOP + ROW * len(arms) + 30, parts)


def panel(rows, arms, field, left, language):
    """One measure: for each arm the mean, its interval, and below them the seeds."""
    name, unit, _, times, _, more = MEASURED[field]
    values = {arm: times * column(pick(rows, arm=arm), field) for arm in arms}
    ends = {}
    every = []
    for arm, found in values.items():
        mean, half = t_interval(found)
        half = half if half == half else 0.0
        least = 0.0 if min(found) >= 0 else mean - half  # a share is never below zero
        ends[arm] = (mean, max(mean - half, least), mean + half)
        every += [*found, *ends[arm]]
    if max(every) == min(every):
        every.append(every[0] + 1)
    x = around(every, left, left + PANEL)
    y = Scale(0, len(arms), TOP, TOP + ROW * len(arms))
    parts = across(x, y, unit, most=3)
    parts.append(text(left, 24, name[language], "ink bold", size=12))
    better = (("more is better", "클수록 좋음"), ("less is better", "작을수록 좋음"))[not more]
    parts.append(text(left, 40, better[language], "quiet", size=10.5))
    for place, (arm, found) in enumerate(values.items()):
        tone = TONES.get(arm, "blue")
        mean, low, high = ends[arm]
        middle = y(place + 0.42)
        parts.append(line([(x(low), middle), (x(high), middle)], tone, 2.4))
        parts.append(dot(x(mean), middle, tone, 5))
        parts += [dot(x(value), middle + 9, tone, 2) for value in found]
    return parts
