"""The pictures say what the records say, to the byte, and can be read on any page."""

import re
import xml.etree.ElementTree as ET

import pytest

from lab import pictures, svg
from lab.harvest import records
from lab.scaling_law import Law, envelope
from lab.tables import column, figure, gaps
from lab.words_figures import DRAWN, pattern, speaker
from lab.words_pictures import PICTURES, korean
from plumbing.files import ROOT
from tests.lab.report_logs import harm_rows, plane_records, scale_rows, tension_rows

XML = "{http://www.w3.org/2000/svg}"
NAMES = list(pictures.PICTURES)
NEEDED = ("preferences", "overoptimisation", "reward", "probing")
in_each_language = pytest.mark.parametrize(
    "in_language", [str, pictures.in_korean], ids=["English", "Korean"]
)


def made_up_lists():
    """Records of few-shot lists as lab/harvest.py writes them."""
    rows = []
    for seed in (1, 2, 3):
        for task in pictures.LISTS:
            for labels in ("gold", "random"):
                for shots in (0, 1, 2, 4, 8, 16):
                    if shots == 0 and labels == "random":
                        continue
                    accuracy = (shots + 0.1 * seed) / (18 if labels == "gold" else 40)
                    about = {"seed": seed, "model": "pretrain", "n": 405, "machine": "here"}
                    cell = {"task": task, "labels": labels, "shots": shots, "acc": accuracy}
                    rows.append({**about, **cell})
    return rows


@pytest.fixture(scope="module")
def drawn():
    """Every picture, few-shot lists made up where they are not recorded yet."""
    rows = {subject: records(subject) for subject in NEEDED}
    rows["fewshot"] = records("fewshot") or made_up_lists()
    rows["tension"] = records("tension") or tension_rows()
    rows["revisions"] = records("revisions") or harm_rows()
    rows["pareto"] = records("pareto") or plane_records()
    rows["scaling"] = records("scaling") or scale_rows()
    return {name: draw(rows) for name, (draw, _) in pictures.PICTURES.items()}


def only_seed(rows, seed):
    return [row for row in rows if row["seed"] == seed]


# --- bytes -------------------------------------------------------------------------------------


def test_the_committed_pictures_are_what_the_records_make():
    made = pictures.pictures()
    assert sorted(made) == sorted((ROOT / "docs" / "pictures").glob("*"))
    for path, text in made.items():
        assert path.read_bytes() == text.encode("utf-8"), f"{path.name}: python -m lab.results"


def test_a_picture_without_records_is_left_out_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(pictures, "records", lambda subject: [])
    assert [path.name for path in pictures.pictures()] == ["pipeline.svg", "pipeline.ko.svg"]
    said = capsys.readouterr().out.splitlines()
    assert len(said) == len(pictures.PICTURES) - 1
    assert "fewshot.svg: not drawn, there are no records yet of fewshot" in said


def test_the_same_rows_in_another_order_make_the_same_picture(drawn):
    rows = {subject: records(subject)[::-1] for subject in ("preferences", "reward")}
    assert pictures.preferences(rows) == drawn["preferences"]


# --- what is on them ---------------------------------------------------------------------------


def words(text):
    return [node.text for node in ET.fromstring(text).iter(f"{XML}text")]


@pytest.mark.parametrize("name", NAMES)
def test_a_screen_reader_has_a_title_and_a_description(drawn, name):
    root = ET.fromstring(drawn[name])
    title, told = root.find(f"{XML}title"), root.find(f"{XML}desc")
    assert root.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert title.text == words(drawn[name])[0] and len(told.text) > 200
    assert "nan" not in drawn[name] and "{" not in told.text
    assert root.get("width") == "720"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched(drawn, name):
    assert "href" not in drawn[name] and "@import" not in drawn[name]
    assert set(re.findall(r"url\(([^)]*)\)", drawn[name])) <= {"#head"}
    assert drawn[name].count("http") == 1  # the name of the format


@pytest.mark.parametrize(
    "name", ["pipeline", "preferences", "overoptimisation", "pareto", "tension", "revisions"]
)
def test_the_judge_and_the_labelers_are_simulated(drawn, name):
    assert "simulated" in " ".join(words(drawn[name]))
    assert "시뮬레이션" in " ".join(words(pictures.in_korean(drawn[name])))


@pytest.mark.parametrize("name", ["preferences", "overoptimisation", "fewshot"])
def test_n_and_the_seeds_are_named(drawn, name):
    said = " ".join(words(drawn[name]))
    assert re.search(r"\d+ (held-out questions|training questions|lists)", said)
    assert "3 seeds (1, 2, 3)" in said and "95 % interval" in said


def sentence(text):
    return next(said for said in words(text) if said.startswith("Judge's score minus"))


def test_a_finding_is_computed(drawn):
    """Another score of one seed is another sentence."""
    rows = [dict(row) for row in records("preferences")]
    change = figure(gaps(rows, "judge", "ppo", "sft"), sign=True)
    assert f"PPO {change}" in sentence(drawn["preferences"])
    next(row for row in rows if row["arm"] == "ppo")["judge"] -= 3
    other = sentence(pictures.preferences({"preferences": rows}))
    assert figure(gaps(rows, "judge", "ppo", "sft"), sign=True) in other and change not in other


def test_dots_stand_where_their_values_are():
    """The means of one panel, read back from its pixels."""
    rows = records("preferences")
    scale = svg.Scale(10.0, 20.0, 100, 300)
    assert [scale(10), scale(15), scale(20)] == [100, 200, 300]
    parts = pictures.dots(rows, "lm_loss", 156, 78)
    places = [float(re.search(r'cx="([\d.]*)"', part)[1]) for part in parts if 'r="5"' in part]
    means = [sum(column(rows, "lm_loss", arm=arm)) / 3 for arm in pictures.TUNED]
    pixels = (places[-2] - places[0]) / (means[-2] - means[0])
    for place, mean in zip(places, means):
        assert place - places[0] == pytest.approx(pixels * (mean - means[0]), abs=0.2)


def test_the_judge_falls_from_its_highest():
    """By hand: means of three are 2, 3, 2 and 1, so the end is 2 below the highest."""
    rows = []
    for seed in (1, 2):
        for place, judge in enumerate((1, 2, 3, 4, -1, 0)):
            row = {"seed": seed, "arm": "ppo", "iteration": place, "judge": judge}
            rows.append({**row, "proxy": 0.0, "kl": 4.0 * place})
    assert pictures.smooth([1, 2, 3, 4, -1, 0]) == pytest.approx([2, 3, 2, 1])
    assert pictures.fall(rows, "ppo") == "2.00"
    assert pictures.ways(rows, "judge", "ppo")[0][0] == pytest.approx(
        (2, 2)
    )  # √4, and the first mean


def test_one_seed_has_no_interval(drawn):
    for name in ("preferences", "overoptimisation"):
        rows = {subject: only_seed(records(subject), 1) for subject in NEEDED}
        text = pictures.PICTURES[name][0](rows)
        assert "one seed (1)" in text and "nan" not in text
    assert "nan" not in pictures.fewshot({"fewshot": only_seed(made_up_lists(), 1)})


# --- that they can be read ---------------------------------------------------------------------


def boxes(text):
    """(words, left, right, top, bottom) of every text, in a wide font, such as DejaVu Sans."""
    for node in ET.fromstring(text).iter(f"{XML}text"):
        size = float(node.get("font-size"))
        each = 0.62 if re.search("bold|code", node.get("class")) else 0.55
        wide = size * sum(1 if "가" <= letter <= "힣" else each for letter in node.text)
        left = (
            float(node.get("x"))
            - {"start": 0, "middle": wide / 2, "end": wide}[node.get("text-anchor")]
        )
        y = float(node.get("y"))
        yield node.text, left, left + wide, y - 0.75 * size, y + 0.1 * size


@pytest.mark.parametrize("name", NAMES)
@in_each_language
def test_texts_stay_inside_and_apart(drawn, name, in_language):
    text = in_language(drawn[name])
    found = list(boxes(text))
    height = float(ET.fromstring(text).get("height"))
    for place, (said, left, right, top, bottom) in enumerate(found):
        assert left >= 0 and right <= 720 and top >= 0 and bottom <= height, said
        for other, its_left, its_right, its_top, its_bottom in found[:place]:
            apart = right <= its_left or its_right <= left or bottom <= its_top or its_bottom <= top
            assert apart, f"{said!r} on {other!r}"


@in_each_language
def test_a_name_fits_into_its_box(drawn, in_language):
    """Of the pipeline; the first rectangle is the paper."""
    text = in_language(drawn["pipeline"])
    _, *rectangles = ET.fromstring(text).iter(f"{XML}rect")
    held = 0
    for node in rectangles:
        left, top, wide, high = (float(node.get(key)) for key in ("x", "y", "width", "height"))
        for said, from_x, to_x, from_y, to_y in boxes(text):
            if top < (from_y + to_y) / 2 < top + high and left < (from_x + to_x) / 2 < left + wide:
                assert left + 2 < from_x and to_x < left + wide - 2, said
                held += 1
    assert held == len(rectangles) + 6  # names, and the notes below them


def brightness(colour):
    """Relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    "colour, ground",
    [
        *((colour, "paper") for colour in ("ink", "quiet", "blue", "orange")),
        *((colour, "shade") for colour in ("ink", "quiet")),
        ("blue", "sky"),
    ],
)
def test_words_stand_out_on_light_and_dark_pages(colour, ground, which):
    pair = [brightness(svg.COLOURS[name][which]) for name in (colour, ground)]
    assert (max(pair) + 0.05) / (min(pair) + 0.05) >= 4.5


@pytest.mark.parametrize("name", NAMES)
def test_every_look_has_a_colour_on_dark_pages(drawn, name):
    light, dark = drawn[name].split("@media (prefers-color-scheme: dark)")
    looks = re.findall(r'class="([^"]*)"', drawn[name])
    for look in set(" ".join(looks).split()) - {"code", "bold"}:
        assert f".{look} {{" in light and f".{look} {{" in dark.split("</style>")[0]


def test_ticks_are_round_numbers():
    assert svg.ticks(-0.73, 1.9, 6) == [-0.5, 0.0, 0.5, 1.0, 1.5]
    assert svg.ticks(0, 24, 4) == [0, 10, 20]
    assert [svg.short(value) for value in (-0.5, 0.30000000000000004, 20.0)] == [
        "−0.5",
        "0.3",
        "20",
    ]


def test_words_are_escaped():
    assert svg.text(1.04, 2, "a < b & c") == (
        '<text class="fill-ink" x="1" y="2" text-anchor="start" font-size="12">a &lt; b &amp; c</text>'
    )


def test_a_picture_of_an_earlier_text_says_so(monkeypatch):
    monkeypatch.setattr(pictures, "is_earlier", lambda path: path.stem == "preferences")
    for path, drawn in pictures.pictures().items():
        name, _, language = path.stem.partition(".")
        note = "이전 텍스트의 수치" if language else "of an earlier text of the world"
        assert (note in drawn) == (name == "preferences"), path.stem


# --- in Korean ---------------------------------------------------------------------------------

# What has the same name in every language.
SAME = """
PPO PPO-ptx SFT DPO RL KL GPT InstructGPT ChatGPT Sparrow Claude HH RL-CAI SL-CAI Elo Xie Min
nat FLOPs K L C a e A-D E-H
""".split()


def english(said):
    """The words of a text that are neither Korean nor names."""
    found = re.findall(r"[A-Za-z][A-Za-z-]*", re.sub(r"\w+\.py", "", said))
    return [word.strip("-") for word in found if word.strip("-") not in SAME]


def harm_records():
    """Rows of all that can be found of harm by round."""
    more, same, less = (90, 95, 99), (90, 90, 90), (60, 30, 20)
    for told in (same, less):
        for other in (same, less):
            harm = {"labelled": told, "unlabelled": other}
            yield harm_rows(harm=harm, bare=1)
    yield [row for row in harm_rows() if row["round"] < 2]
    garbled = {"unlabelled": (60, 30, 20)}
    yield harm_rows(garbled={"unlabelled": (10, 11, 12)})
    yield harm_rows(harm={"unlabelled": more}, garbled=garbled, bare=0.1)
    yield harm_rows(harm={"unlabelled": less}, garbled=garbled, bare=4)


def tension_records():
    """Rows of all that can be found of help against harm."""
    yield tension_rows({"reward_help": (0.8, 0.6), "reward_harm": (0.6, 0.9)})
    yield tension_rows({"reward_help": (0.8, 0.6)})
    yield tension_rows({"reward_harm": (0.6, 0.9)})
    yield tension_rows({"reward_mix": (0.76, 0.5)})
    yield tension_rows(seeds=[1])
    yield [{**row, "helpful truth": None} for row in tension_rows()]


def others():
    """Pictures that say what the records do not: of other seeds, of other findings."""
    over = {subject: records(subject) for subject in ("overoptimisation", "reward")}
    over["overoptimisation"] += [{**row, "seed": 2} for row in over["overoptimisation"]]
    yield pictures.overoptimisation(over)
    yield pictures.preferences({"preferences": only_seed(records("preferences"), 1)})
    plane = [row for row in plane_records() if row["seed"] < 2]
    for low, high in ((1, 2), (-1, 1), (-2, -1)):
        ends = {"gap low": low, "gap high": high}
        yield pictures.plane({"pareto": [{**row, **ends} for row in plane]})
    for rows in harm_records():
        yield pictures.revisions({"revisions": rows})
    for rows in tension_records():
        yield pictures.tension({"tension": rows})
    *sizes, larger = scale_rows()
    found = {"E": (1.0, 0.9, 1.1), "b": (0.4, 0.3, 0.5), "predicted": (1.2, 1.1, 1.3)}
    found["numbers"] = (1.0, 9.2, 0.4)
    for reached in (None, {**larger, "val_loss": 1.2}, {**larger, "val_loss": 1.4}):
        law = Law(sizes, envelope(sizes), found, 4, larger["flops"], reached)
        yield pictures.law_drawn(law)


@pytest.fixture(scope="module")
def lines(drawn):
    """Every text of every picture, and every sentence of its description."""
    found = [pictures.EARLIER]
    for text in (*drawn.values(), *others()):
        root = ET.fromstring(text)
        found += [root.find(f"{XML}title").text, *words(text)]
        found += root.find(f"{XML}desc").text.split("\n")
    return list(dict.fromkeys(found))


def test_nothing_in_a_korean_picture_is_english(lines):
    left = {said: english(korean(said)) for said in lines}
    assert not any(left.values()), [said for said in left if left[said]]


@pytest.mark.parametrize("missing", PICTURES)
def test_every_entry_is_needed(lines, missing):
    """Without it something is left in English, which the test above finds."""
    table = {key: said for key, said in {**PICTURES, **DRAWN}.items() if key != missing}
    say = speaker(table)
    holds = pattern(missing)
    assert any(english(say(said)) for said in lines if holds.search(said))


def test_the_numbers_are_those_of_the_english_picture(lines):
    number = re.compile(r"[+−-]?\d(?:[\d,.]*\d)?")
    for said in lines:
        assert sorted(number.findall(said)) == sorted(number.findall(korean(said))), said
    assert korean("a scalar, 3,000 questions ranked") == "스칼라만, 순위를 매긴 질문 3,000개"
    assert korean(
        "held-out facts, gold labels: with 0 right in 11 ± 8 %, with 1 right in 85 %."
    ) == ("보류한 사실, 정답 라벨: 예시 0개에 11 ± 8 %, 예시 1개에 85 %.")


@pytest.mark.parametrize("name", NAMES)
def test_a_korean_picture_differs_in_its_words_alone(drawn, name):
    one, other = (svg.WORDS.split(text) for text in (drawn[name], pictures.in_korean(drawn[name])))
    assert other[0] == one[0].replace("<svg", '<svg lang="ko"') and len(one) == len(other)
    places = [place for place in range(1, len(one)) if place % 4 != 2]
    assert [one[place] for place in places] == [other[place] for place in places]
    assert svg.said(drawn[name], str) == drawn[name]


def test_each_readme_shows_the_pictures_of_its_language():
    for name, end in (("README.md", ".svg"), ("README.ko.md", ".ko.svg")):
        text = (ROOT / name).read_text(encoding="utf-8")
        shown = re.findall(r"docs/pictures/\w+([\w.]*)", text)
        assert len(shown) > 3 and set(shown) == {end}
