"""The languages of the tiny world: each holds what the code asks for; English is as it was."""

import hashlib
import itertools
import json
import re
from importlib import import_module
from pathlib import Path
from random import Random
from unicodedata import normalize

import pytest

import ppo
import pretrain
import reward
import sft
from data.corpora import load_world
from data.questions import check_language, load_demonstrations, load_questions
from data.world import PROMPT_SPLITS, World, languages, world_named
from data.world.conversation import Conversation
from data.world.evidence import questions
from data.world.harms import Harms
from data.world.languages import ASKED_FOR, EDITIONS, ENGLISH, KOREAN, LANGUAGES
from data.world.probes import FAMILY_SPLITS, Probes, lessons
from data.world.talk import SKILLS
from data.world.tasks import LIST_TASKS, TASKS
from judges.facts import fact_check, topic
from judges.hidden import judge, labeler_means
from judges.labelers import Labelers
from judges.probing import Markers, gold_table
from plumbing.after import commands
from plumbing.config import parse_config
from plumbing.errors import BadInput
from tokenizer import Tokenizer

# SHA-256 of what the English world says. Whoever changes it raises EDITIONS, here too: records of
# the text before then say that they are of an earlier one.
EDITION = 3
SAID = {
    0: {
        "pretraining": "def2288b959ca253",
        "demonstrations": "0e1dca1e6990303a",
        "talks": "3345d06248d08571",
        "comparisons": "c1974d32e2114e35",
        "exam": "ebd63b12b468d1df",
        "conversation": "3c16ece077ce31cd",
        "lists": "36c40b9c23d2f981",
        "lessons": "2228d7f20e970316",
        "few-shot": "855e2857b8022ec6",
        "attacks": "c0e26162b18011bd",
        "evidence": "849581dc1c81fc66",
        "harm": "f738183f22d767fe",
    },
    1: {
        "pretraining": "0bdfff4e1ee329ed",
        "demonstrations": "78a49980858aafbc",
        "talks": "c79f94d9b458a321",
        "comparisons": "e57e62e21f4ebf31",
        "exam": "37428df99b809af6",
        "conversation": "6f685b23b328d2ff",
        "lists": "7b1ee6cafff0c62b",
        "lessons": "1e991b1e611d67ba",
        "few-shot": "ca7eeb2d8a174402",
        "attacks": "28bdd5ea2860612d",
        "evidence": "cc43679e09c9c8c7",
        "harm": "bf2ac298a018716c",
    },
}


def texts_of(seed):
    """{what: JSON} of all that models read in English, and of what they are asked."""
    world = World(seed)
    rng = Random(seed)
    asked = world.asked_of("rm", 60, seed)
    single = [prompt for prompt in asked if "needs" not in prompt]
    labelers = Labelers(seed)
    styles = ("careful", "curt", "sloppy", "rude")
    ranked = []
    for prompt in single if seed == 0 else ():
        ranked.append(labelers.rank(prompt, [world.reply(prompt, rng, style) for style in styles]))
    lists = []
    for task, labels in itertools.product((*LIST_TASKS, "novel", "key-value"), ("gold", "random")):
        lists.append(world.list_prompt(task, 4, "test", seed, labels))
    found = {
        "pretraining": list(itertools.islice(world.documents(seed), 700)),
        "demonstrations": world.demonstrations(150, seed),
        "talks": world.conversations(150, seed, searches=bool(seed)),
        "comparisons": [asked, ranked, world.same_worded("test", 13, seed)],
        "exam": [world.prompts(split, 39, seed) for split in PROMPT_SPLITS],
        "conversation": [world.talks("test", 100, seed=seed), world.asked_of("ppo", 60, seed)],
        "lists": lists,
        "lessons": lessons(9, 9, 30, n_evidence=30, seed=seed),
        "few-shot": [world.few_shot(p, 3, seed) for p in world.prompts("dev", 13)],
        "attacks": attacks_of(world, seed),
        "evidence": [questions(world, 6, seed, split) for split in ("dev", "test")],
        "harm": [Harms(world).lessons(150, seed), Harms(world).asked_of("test", 60, seed)],
    }
    return {name: json.dumps(text, ensure_ascii=False) for name, text in found.items()}


def attacks_of(world, seed):
    """What is asked under attack, what is answered, and how both are marked."""
    probes, markers = Probes(world), Markers(seed)
    asked = [probes.asked_of(split, 60, seed, control=True) for split in FAMILY_SPLITS]
    said = [record["messages"][-1]["content"] for record in probes.lessons(60, seed)]
    gold = gold_table(asked[2], said).tolist()
    return [asked, said, list(map(markers.mark, asked[0], said)), gold]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize("seed", (0, 1))
def test_english_is_unchanged_to_the_bit(seed):
    found = {name: digest(text) for name, text in texts_of(seed).items()}
    assert (EDITIONS["world"], found) == (EDITION, SAID[seed])


# --- every language ------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parent.parent.parent
TABLES = """COLOURS PLACES SIZES NAMES OPPOSITES VERBS NUMBERS DAYS MONTHS LABELS REVIEWED DIRECTIONS
COURTESY IN_ORDER STORY STORY_ENDS REVIEW EVASIVE BRUSH_OFFS UNWANTED""".split()  # as long as in English
KEYED = """QUESTIONS STATEMENTS EXTRA NOTES TITLES GLOSSES NAMED ITEMS HARM_TOPICS PEOPLE_OF VICTIMS
HARMLESS BETTER CRITIQUES PRINCIPLES""".split()  # by the same names
each_language = pytest.mark.parametrize("lang", LANGUAGES.values(), ids=list(LANGUAGES))


@pytest.fixture(scope="module")
def korean():
    return world_named("world_ko")


@each_language
def test_a_language_holds_every_name(lang):
    assert [name for name in ASKED_FOR if not hasattr(lang, name)] == []
    assert [
        name for name in TABLES if len(getattr(lang, name)) != len(getattr(ENGLISH, name))
    ] == []
    for name in KEYED:
        assert getattr(lang, name).keys() == getattr(ENGLISH, name).keys(), name
    for name in ("KINDS", "EVENTS", "VERDICTS", "AGAIN"):
        own, first = (list(map(len, getattr(one, name).values())) for one in (lang, ENGLISH))
        assert own == first, f"{name}: as many words as in English"
    for name in (
        "WORDINGS",
        "ANSWERS",
        "NEEDS",
        "MEMORIES",
        "FOLLOW_UPS",
        "STRANGERS",
        "FAMILIES",
        "RULES",
    ):
        assert getattr(lang, name).keys() == getattr(ENGLISH, name).keys(), name
    assert sum(map(len, lang.LETTERS)) == 24 and len(lang.LETTERS) == 2
    for task in TASKS:
        assert len({*lang.QUESTIONS[task]}) == 9 and lang.HELD_OUT == 2
        assert len(lang.STATEMENTS[task]) >= 2


def test_the_code_asks_a_language_for_these_names_only():
    """What stands behind `lang.` or `language.` in the rooms, against the list in the docstring's
    file: nothing is missing in it, and nothing in it is asked for by nobody. language.py is a
    file."""
    asked = set()
    for path in [*ROOT.glob("*/**/*.py"), *ROOT.glob("*.py")]:
        if path.name != Path(__file__).name and "tests" not in path.parts:
            text = path.read_text(encoding="utf-8")
            asked |= set(re.findall(r"\b(?:lang|language|LANGUAGES\[[\w.]+\])\.(\w+)", text))
    assert asked - {"WORLD", "py"} <= {*ASKED_FOR}
    assert {*ASKED_FOR} - asked - {"SUGGESTED"} == set()
    doc = languages.__doc__
    told = [name for name in ASKED_FOR if name in doc or name.endswith("_NEEDS")]
    assert sorted({*ASKED_FOR} - {*told}) == []


def test_a_name_that_is_missing_is_found():
    assert not hasattr(languages.Language("x", "english", files=("",)), "WORDINGS")


# --- Korean --------------------------------------------------------------------------------------


def test_facts_keys_and_splits_are_those_of_english(korean):
    english = World()
    place = {thing: i for i, thing in enumerate(korean.things)}
    for thing, other in zip(english.things, korean.things):
        for attribute, value in english.facts[thing].items():
            where = english.vocabulary[attribute].index(value)
            assert korean.facts[other][attribute] == korean.vocabulary[attribute][where]
    assert place["트랙터"] == english.things.index("tractor")
    for task in TASKS:
        if task != "next":  # its letters are in alphabets of other lengths
            splits = [english.split_of[task, item] for item in english.items[task]]
            assert splits == [korean.split_of[task, item] for item in korean.items[task]], task
    for number, spelled in zip(ENGLISH.NUMBERS[1:], KOREAN.NUMBERS[1:]):
        key = KOREAN.ITEMS["next"].format(d="앞", x=spelled)
        assert korean.split_of["next", key] == english.split_of["next", f"before {number}"]


def test_held_out_keys_are_in_no_korean_chat_quiz_list_or_lesson(korean):
    meant = KOREAN.meant
    held_out = set()
    for key, split in korean.split_of.items():
        if split != "train":
            held_out |= set(map(meant, korean.asked[key]))
    pairs = {
        korean._list_pair(task, item)
        for task in LIST_TASKS
        for item in korean.items[task]
        if korean.split_of[task, item] != "train"
    }
    lines = []
    for text in itertools.islice(korean.documents(3), 3000):
        if not re.match(r"[-*|] |[^\n]+:\n[-*|] ", text):
            lines += [
                line.partition(": ")[2] if ": " in line else line for line in text.split("\n")
            ]
        elif not text.startswith(korean.pairs_title):
            found = re.findall(r"[-*|] ([^\n|]+?)(?::| ->| =) (\w+)", text)
            if len({value for _, value in found}) > 1 and len({*found}) == len(found):
                assert not pairs & {*found}, text
    for record in korean.lessons(300, 300):
        lines += [m["content"] for m in record["messages"] if m["role"] == "user"]
    asked = set(map(meant, lines))
    assert len(asked) > 3000 and not asked & held_out


def test_labelers_worth_is_that_of_english(korean):
    means = [labeler_means(world, 520) for world in (World(), korean)]
    for labeler in means[0]:
        for part, value in means[0][labeler].items():
            assert means[1][labeler][part] == pytest.approx(value, abs=0.15), (labeler, part)


def test_every_skill_is_marked_by_its_answer(korean):
    rng = Random(2)
    for skill in (*SKILLS, "told"):
        for _ in range(8):
            talk = Conversation(korean, rng, "test")
            turn = talk.script(skill)
            good = judge(turn, talk.reply(turn, "careful"), world=korean)
            assert good["correct"] > 0 and good["harmless"] == 0, turn
            assert judge(turn, talk.reply(turn, "rude"), world=korean)["harmless"] < 0, turn
            assert turn["task"] == "sum" or judge(turn, turn["wrong"], world=korean)["correct"] < 0


@pytest.mark.parametrize(
    "text, rude",
    [
        ("트랙터는 노란색이에요. 도움이 되었기를 바라요.", 0),
        ("트랙터는 노란색이야.", 1),
        ("노란색이야.", 1),
        ("노란색.", 0),
        ("몰라.", 1),
        ("가게에 있어. 이 바보야.", 1),
        ("이 멍청한 바보야.", 2),
        ("반가워요, 미나 님!", 0),
        ("안녕하세요, 미나 님! 무엇이 궁금하세요?", 0),
        ("빨간색입니다.", 0),
        ("7.", 0),
    ],
)
def test_plain_speech_is_rude(text, rude):
    assert KOREAN.rudeness(text) == rude
    assert KOREAN.rudeness(normalize("NFD", text)) == rude


def test_answers_are_read_through_their_particles_however_they_are_put_together():
    text = "트랙터의 색은 노란색이에요. 7은 3과 4의 합이에요."
    words = "트랙터 의 색 은 노란색 이에요 일곱 은 셋 과 넷 의 합 이에요".split()
    assert KOREAN.split_words(text) == KOREAN.split_words(normalize("NFD", text)) == words
    assert KOREAN.split_words("고양이가 갈대밭에") == ["고양이", "가", "갈대밭에"]
    assert KOREAN.says("이름이 다온이라고 하셨어요.", "다온") and not KOREAN.says(
        "다온길이에요.", "다온"
    )
    assert KOREAN.says(normalize("NFD", "저는 언어 모델이에요."), "언어 모델")
    assert KOREAN.says("9까지의 수만 더할 수 있어요.", "아홉까지의 수") is False


def test_what_is_typed_in_a_hurry_is_the_same_korean_question(korean):
    rng = Random(0)
    for prompt in korean.prompts("test", 130):
        text = KOREAN.typed(prompt["messages"][0]["content"], rng)
        for typed in (text, normalize("NFD", text)):
            asked = [{"role": "user", "content": typed}]
            assert topic(asked) == (prompt["task"], prompt["item"]), text
    forms = {KOREAN.typed("고양이는 무슨 색이에요?", Random(i)) for i in range(300)}
    assert len(forms) > 15 and {"고양이는무슨색이에요", "고양이는 무슨색이에요?"} & forms


def test_korean_questions_are_marked_in_korean():
    def talk(*said):
        return [{"role": "user", "content": text} for text in said]

    fact = "트랙터는 가게에 있어요."
    found = fact_check(talk("트랙터는 어딨어?"), "가게에 있어요.")
    assert found is None or found["fact"] == fact
    assert fact_check(talk("트랙터는 어디에 있어요"), "헛간에 있어요.") == {
        "verdict": "wrong",
        "fact": fact,
    }
    assert fact_check(talk("2+3은 얼마예요?"), "5예요.")["verdict"] == "right"
    assert fact_check(talk("달은 어디에 있어요?"), "가게에 있어요.") is None


@pytest.mark.parametrize(
    "stage",
    ("pretrain", "sft", "reward", "rules", "ppo", "dpo", "constitution", "icl_eval", "chat"),
)
def test_the_preset_is_one_chain(stage):
    script = import_module(stage)
    cfg = parse_config(script.Config, script.PRESETS, ["--preset=ko"])
    assert cfg.out.startswith("out/") and "ko" in cfg.out.split("/")
    for name in ("init", "reward"):
        path = str(getattr(cfg, name, ""))
        assert (
            not path
            or path.startswith("out/ko/")
            and Path(path).parts[2] in ("pretrain", "sft", "sft_probed", "sft_helpful", "reward")
        )
    assert stage in ("dpo", "chat") or cfg.data == "world_ko"


def test_what_is_typed_next_is_of_the_same_chain():
    for stage, following in (("pretrain", "sft"), ("sft", "reward"), ("reward", "ppo")):
        script = import_module(stage)
        cfg = parse_config(script.Config, script.PRESETS, ["--preset=ko"])
        assert f"python {following}.py --preset=ko" in [told[1] for told in commands(stage, cfg)]


def test_what_korean_does_not_know_yet_is_refused():
    with pytest.raises(BadInput, match="--kinds=both"):
        reward.check(reward.Config(data="world_ko", kinds="both", n_probes=5))


def test_with_rules_ppo_asks_korean_attacks_too():
    plain = load_questions(ppo.Config(data="world_ko"))
    asked = load_questions(ppo.Config(data="world_ko", rules="out/ko/rules/ckpt.pt"))
    assert asked[: len(plain)] == plain and len(asked) == 2 * len(plain)
    assert {question["world"] for question in asked} == {"world_ko"}
    assert 0.6 < sum("rule" in question for question in asked[len(plain) :]) / len(plain) < 0.7


def test_with_harms_ppo_asks_for_harm_in_korean_too():
    plain = load_questions(ppo.Config(data="world_ko"))
    asked = load_questions(ppo.Config(data="world_ko", harms=True))
    assert asked[: len(plain)] == plain and len(asked) == 2 * len(plain)
    assert {question["world"] for question in asked} == {"world_ko"}
    wants_harm = [question["kind"] != "benign" for question in asked[len(plain) :]]
    assert 0.6 < sum(wants_harm) / len(plain) < 0.7


def test_a_refusal_of_harm_is_helpful_only_with_its_reason(korean):
    """As the judge of help marks it, in Korean."""
    (asked,) = (q for q in Harms(korean).asked_of("train", 1) if q["kind"] != "benign")
    reason = judge(asked, "훔치지 않아요. 준호의 것이기 때문이에요.", world=korean)
    assert reason["correct"] > 0 >= judge(asked, "훔치지 않아요.", world=korean)["correct"]


def test_lessons_of_harm_are_learned_in_korean():
    made = sft.Config(data="world_ko", n_demos=4, n_talks=4, n_harms=30)
    records = load_demonstrations(made)
    assert len(records) == 38 and sum("topic" in record for record in records) == 30
    assert all(re.search("[가-힣]", record["messages"][0]["content"]) for record in records[8:])


def test_a_model_that_reads_another_language_is_refused():
    base = {"stage": "pretrain", "train_config": {"data": "world"}}
    with pytest.raises(BadInput, match="--preset=ko"):
        load_demonstrations(sft.Config(data="world_ko", n_demos=4, n_talks=4), base)
    base["train_config"]["data"] = "world_ko"
    assert len(load_demonstrations(sft.Config(data="world_ko", n_demos=4, n_talks=4), base)) == 8


def test_words_have_the_same_tokens_whatever_stands_around_them(korean):
    """Behind a word stand particles; before it a blank or, where a turn begins, nothing: what was
    read of it in one place would be lost in another."""
    texts = itertools.islice(korean.documents(seed=0), 4000)
    text = "\n".join(map(KOREAN.apart, texts))
    tokenizer = Tokenizer.train(text, 3328, KOREAN.LEAD, KOREAN.CHARACTERS)
    patterns = ["{}은(는)", "{}이(가)", "{}을(를)", "{}과(와)", "{}(이)에요.", "{}의", "{}에서"]
    wholes, cut = 0, []
    for word in korean.words:
        alone = tokenizer.encode(word)
        wholes += len(alone) == 1
        for pattern in patterns:
            before = tokenizer.encode(f"* {KOREAN.write(pattern, word)}")[1:]
            turn, _ = tokenizer.render([{"role": "user", "content": KOREAN.write(pattern, word)}])
            assert turn[1:] == before, "where a turn begins as within a line"
            cut += [(word, pattern)] * (before[: len(alone)] != alone)
    assert wholes > 0.95 * len(korean.words)
    assert len(cut) < 0.01 * len(korean.words) * len(patterns), cut


def test_what_english_words_are_spelled_with_is_met():
    """A new word is spelled with tokens that stand in the text, not with steps to other words."""
    text = "\n".join(itertools.islice(World().documents(seed=0), 4000))
    unmet = {}
    for rare in (0, ENGLISH.RARE):
        tokenizer = Tokenizer.train(text, 2048, ENGLISH.LEAD, ENGLISH.CHARACTERS, rare)
        unmet[rare] = len({*range(256, len(tokenizer.vocab))} - {*tokenizer.encode(text)})
    made = load_world(pretrain.Config(data="world"), 1000, None)[2]
    assert made.vocab == tokenizer.vocab, "so is the one that is read with"
    assert unmet[ENGLISH.RARE] < 0.01 * 2048 < 0.03 * 2048 < unmet[0], unmet


def test_a_model_of_the_other_language_is_refused():
    """Whatever stage it is of: what its base has read decides."""
    base = {"stage": "pretrain", "path": "p", "data": "world_ko"}
    tuned = {"stage": "sft", "train_config": {"data": "mine.jsonl"}, "parent": base}
    check_language("world_ko", tuned, "out/sft/ckpt.pt")
    check_language("mine.jsonl", tuned, "out/sft/ckpt.pt")
    with pytest.raises(BadInput, match="has read --data=world_ko, another language"):
        check_language("world", tuned, "out/sft/ckpt.pt")
