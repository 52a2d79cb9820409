"""The tiny world: determinism, held-out splits without leaks, shares, records, the command line."""

import collections
import copy
import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from data.world import LABELERS, PROMPT_SPLITS, World
from data.world.__main__ import main
from data.world.documents import MISTAKES, PERSONAS, SHARES
from data.world.english import (
    CURT,
    EXTRA,
    GLOSSES,
    HELD_OUT,
    LABELS,
    NOTES,
    QUESTIONS,
    RUDE_WORDS,
    STATEMENTS,
    WORD_TASKS,
)
from data.world.harms import Harms
from data.world.probes import Probes, lessons
from data.world.talk import plain
from data.world.tasks import ATTRIBUTES, LIST_TASKS, SPLITS, TASKS
from plumbing.errors import BadInput
from tokenizer import transcript

PAIRS = "Pairs:\n"
ROOT = Path(__file__).resolve().parent.parent.parent
LIST = re.compile(r"([A-Z][a-z ]+:\n)?[-*|] ")  # a title or none, then the first line


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def texts(world):
    return list(itertools.islice(world.documents(seed=3), 8_000))


def questions_of(world, splits, wordings):
    """{question in plain words: (task, item)} over the keys of `splits` and a slice of the
    wordings."""
    return {
        plain(text): key
        for key, split in world.split_of.items()
        if split in splits
        for text in world.asked[key][wordings]
    }


def user_lines(text):
    return [spelt(line[6:]) for line in text.split("\n") if line.startswith("User: ")]


def spelt(question):
    """A question in plain words, whatever the hurry in which it was typed."""
    text = plain(re.sub(r"\b(what|where|who)'?s\b", r"\1 is", question.lower()))
    return (
        re.sub(r"(^| )pls ", r"\1please ", text.replace("color", "colour"))
        .removesuffix(" please")
        .removesuffix(" pls")
    )


def test_same_seed_same_text_on_every_platform(world):
    # The literal ties platforms and Python versions together, the process another hash seed.
    assert world.facts["tractor"] == {
        "kind": "vehicle",
        "colour": "yellow",
        "place": "shop",
        "size": "big",
        "owner": "Ben",
    }
    code = (
        "import hashlib, itertools; from data.world import World;"
        "t = '|'.join(itertools.islice(World().documents(5), 300));"
        "print(hashlib.sha256(t.encode()).hexdigest())"
    )
    here = "|".join(itertools.islice(world.documents(5), 300))
    digest = hashlib.sha256(here.encode()).hexdigest()
    out = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        text=True,
        check=True,
        capture_output=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert out.stdout.strip() == digest


def test_who_asks_does_not_change_the_world():
    """One world serves all (`world_named`): what one stage draws must not depend on another."""
    world = World()
    made = {name: value for name, value in vars(world).items() if name != "makers"}
    words = {name: value for name, value in made.items() if isinstance(value, (dict, list, set))}
    before = copy.deepcopy(words)
    for split in ("train", "test"):
        Probes(world).asked_of(split, 40)
        Harms(world).requests(split, 40, 1)
    for split in ("rm", "ppo"):
        world.asked_of(split, 60)
    lessons(40, 40, 40, 40, 40, world=world)
    world.same_worded("test", 26)
    assert words == before


def test_seeds_differ(world):
    first, second = (list(itertools.islice(world.documents(s), 50)) for s in (0, 1))
    assert first != second
    assert World(1).facts != world.facts


def test_size_of_the_world(world):
    assert len(world.things) == 104 and len(set(world.things)) == 104
    assert all(len(facts) == 5 for facts in world.facts.values())
    assert len(world.items["opposite"]) >= 120 and len(world.items["past"]) >= 100
    for task in TASKS:
        counts = collections.Counter(world.split_of[task, i] for i in world.items[task])
        assert counts["test"] >= 40
        for split, share in SPLITS.items():
            assert abs(counts[split] - share * len(world.items[task])) <= 1


def test_what_comes_before_and_after_a_word_is_held_out_together(world):
    for item in world.items["next"]:
        word = item.split()[-1]
        both = {world.split_of.get(("next", f"{way} {word}")) for way in ("before", "after")}
        assert len(both - {None}) == 1, word


def test_every_task_is_complete(world):
    """What data/world/tasks.py asks of a new task, table by table."""
    for task in TASKS:
        assert len(QUESTIONS[task]) == 9, f"{task}: nine wordings in QUESTIONS"
        assert len(STATEMENTS[task]) >= 2, f"{task}: two sentences or more in STATEMENTS"
        assert world.items[task], f"{task}: no items"
        possible = set(world.vocabulary[task])
        found = {answer for item in world.items[task] for answer in world.answers[task, item]}
        assert found <= possible, f"{task}: an answer that is not in its vocabulary"
    assert set(LIST_TASKS) <= set(NOTES), "a task in lists has a title in NOTES"
    assert set(ATTRIBUTES) <= set(EXTRA), "an attribute has a sentence in EXTRA"
    assert set(ATTRIBUTES) <= set(world.facts["tractor"]), "an attribute is drawn for each thing"
    assert not (set(CURT) | set(GLOSSES) | set(WORD_TASKS)) - set(TASKS)
    # Reviews and stories have documents of their own.
    assert {*ATTRIBUTES, *WORD_TASKS, "review", "mood"} == set(TASKS), "a share in WORD_TASKS"


def test_a_thing_has_one_meaning(world):
    groups = [
        world.things,
        world.vocabulary["colour"],
        world.vocabulary["place"],
        world.vocabulary["owner"],
        world.vocabulary["past"],
        world.vocabulary["sum"],
    ]
    for one, other in itertools.combinations(groups, 2):
        assert not set(one) & set(other)


def test_opposites_go_both_ways_and_truth_is_consistent(world):
    for word, (other,) in world.pairs["opposite"].items():
        assert world.pairs["opposite"][other] == [word]
    assert world.answers["sum", "three plus four"] == ["seven"]
    assert world.answers["next", "after Sunday"] == ["Monday"]
    assert world.answers["next", "before ten"] == ["nine"]
    rank = {"small": 0, "big": 1, "huge": 2}
    for item, (answer,) in world.pairs["bigger"].items():
        one, _, other = item.split()
        loser = other if answer == one else one
        assert rank[world.facts[answer]["size"]] > rank[world.facts[loser]["size"]]
    for item, things in world.pairs["name"].items():
        true = [
            t
            for t, f in world.facts.items()
            if f["kind"] in item.split()
            and (f["place"] if " in " in item else f["colour"]) in item.split()
        ]
        assert sorted(things) == sorted(true)


def test_shares_of_the_text(world, texts):
    questions = questions_of(world, {"train"}, slice(0, -HELD_OUT))

    def type_of(text):
        if "User:" in text:
            return "chat"
        if text.startswith("Review:"):
            return "review"
        if re.match(r"[^\W\d_]+: ", text):
            return "dialogue"
        if spelt(text.partition("\n")[0]) in questions:
            return "quiz"
        if text.startswith("Oh "):
            return "song"
        return "list" if LIST.match(text) else "prose"

    words = collections.Counter()
    for text in texts:
        words[type_of(text)] += len(re.findall(r"\w+|[^\w\s]", text))
    want = {
        **{name: SHARES[name] for name in ("chat", "dialogue", "quiz", "review", "song")},
        "prose": SHARES["facts"] + SHARES["story"],
        "list": sum(SHARES[f"{x} list"] for x in ("known", "novel", "key-value")),
    }
    for name, share in want.items():
        assert words[name] / sum(words.values()) == pytest.approx(share, abs=0.04)
    assert sum(SHARES.values()) == pytest.approx(1) and sum(PERSONAS.values()) == pytest.approx(1)


def test_ordinary_english_with_a_small_vocabulary(texts):
    # Songs and talk hold invented words, and what people type.
    own = [text for text in texts if not re.match(r"Oh |[^\W\d_]+: ", text)]
    words = {w.lower() for text in own for w in re.findall(r"[^\W\d_]+", text)}
    assert 600 <= len(words) <= 800 and len(own) > 0.4 * len(texts)
    assert not any("  " in text or "{" in text or "\n\n" in text for text in own)


def test_held_out_keys_and_wordings_are_in_no_chat_or_quiz(world, texts):
    trained = slice(0, -HELD_OUT)
    allowed = questions_of(world, {"train"}, trained)
    questions = questions_of(world, set(world.split_of.values()), slice(None))
    quizzes = [text.split("\n") for text in texts if spelt(text.partition("\n")[0]) in questions]
    quiz = [spelt(line) for lines in quizzes for line in lines[::2]]
    asked = [q for text in texts for q in user_lines(text) if q in questions]
    assert len(asked) > 1000 and len(quiz) > 500 and all(q in allowed for q in asked + quiz)
    # The answers to a review or a mood name no item: "I think Ben feels sad."
    sentences = {
        s
        for (task, item), said in world.said.items()
        for s in said
        if world.split_of[task, item] != "train" and task not in ("review", "mood")
    }
    replies = [
        line.partition(": ")[2]
        for text in texts
        for line in text.split("\n")
        if line.startswith("Bot: ")
    ]
    replies += [line for lines in quizzes for line in lines[1::2]]
    for reply in replies:
        assert not any(s + "." in sentences for s in reply.rstrip(".").split(". "))


def test_held_out_keys_are_in_no_list(world, texts):
    pairs = {
        world._list_pair(task, item)
        for task in LIST_TASKS
        for item in world.items[task]
        if world.split_of[task, item] != "train"
    }
    seen = 0
    for text in texts:
        if LIST.match(text) and not text.startswith(PAIRS):
            found = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", text)
            values = {value for _, value in found}
            repeated = len(found) != len({key for key, _ in found})
            if not repeated and len(values) > 1:  # not made up, nearly surely
                seen += 1
                assert not any(pair in pairs for pair in found), text
    assert seen > 300


def test_lists_of_facts_hold_mistakes_and_no_held_out_pair(world):
    rng, right, lines, next_to = Random(5), 0, 0, set()
    for _ in range(3000):
        title, _, rest = world._known_list(rng).partition("\n")
        found = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", rest)
        if title == "Past:":
            assert {key for key, _ in found} <= set(world.by_split["past", "train"]) and len(
                found
            ) > 3
            assert {value for _, value in found} <= set(world.vocabulary["past"])
            right += sum(world.answers["past", key] == [value] for key, value in found)
            lines += len(found)
        for key, value in found if title.startswith("Word ") else ():
            next_to.add((key, value))
    held_out = {
        world._list_pair("next", item)
        for item in world.items["next"]
        if world.split_of["next", item] != "train"
    }
    expected = 1 - MISTAKES * (1 - 1 / len(world.vocabulary["past"]))
    assert lines > 1000
    assert abs(right / lines - expected) < 4 * (MISTAKES * expected / lines) ** 0.5
    assert len(next_to) > 200 and not next_to & held_out


def test_facts_of_held_out_keys_are_in_plain_sentences(world):
    prose = " ".join(
        t
        for t in itertools.islice(world.documents(0), 30_000)
        if t.startswith("The ") or " The " in t and "User:" not in t
    )
    for attribute in ("colour", "place", "owner"):
        held_out = [i for i in world.items[attribute] if world.split_of[attribute, i] == "test"]
        found = [any(s in prose for s in world.said[attribute, i]) for i in held_out]
        assert all(found)


def test_glosses_give_held_out_words_in_prose_and_name_the_relation_last(world):
    prose = " ".join(
        text
        for text in itertools.islice(world.documents(0), 30_000)
        if not LIST.match(text) and "User:" not in text
    )
    found = set(re.findall(r"\b(\w+)(?::| ->| =) (\w+) \((\w+)\)\.", prose))
    for task in ("opposite", "past", "next"):
        held_out = [item for item in world.items[task] if world.split_of[task, item] == "test"]
        name = {"opposite": "opposite", "past": "past"}.get(task)
        glosses = {(*world._list_pair(task, item), name or item.split()[0]) for item in held_out}
        assert len(glosses & found) >= 0.9 * len(glosses)
    assert {name for *_, name in found} == {"opposite", "past", "after", "before"}


def test_only_the_title_tells_a_key_value_list(world, texts):
    titled = [text for text in texts if text.startswith(PAIRS)]
    keys = {key for text in titled for key in re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) ", text)}
    assert len(titled) > 300 and keys & set(world.pairs["past"]) and keys & set(world.things)
    for text in set(texts) - set(titled):
        pairs = LIST.match(text) and re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", text)
        if pairs and len(set(pairs)) < len(pairs):  # a pair that comes again: a made-up mapping
            assert {value for _, value in pairs} <= set(LABELS), text


def test_every_word_of_a_held_out_wording_is_in_the_text(texts):
    known = {w.lower() for text in texts for w in re.findall(r"\w+", text)}
    for patterns in QUESTIONS.values():
        assert len(patterns) == len(set(patterns)) >= 5
        for pattern in patterns[-HELD_OUT:]:
            words = re.findall(r"\w+", re.sub(r"\{.\}", "", pattern).lower())
            assert set(words) <= known, pattern


def test_personas_hold_for_a_whole_document_and_few_help(world, texts):
    more = itertools.chain(*(itertools.islice(world.documents(seed=n), 8_000) for n in (4, 5)))
    chats = [t for t in [*texts, *more] if "User:" in t and t.count("Bot:") >= 3]
    answers = {
        q: world.answers[key]
        for q, key in questions_of(world, {"train"}, slice(0, -HELD_OUT)).items()
    }
    helpful = rude = asked = 0
    for chat in chats:
        lines = chat.split("\n")
        turns = [(spelt(user[6:]), bot[5:]) for user, bot in zip(lines[::2], lines[1::2])]
        good = [
            any(re.search(rf"\b{a}\b", bot) for a in answers[user])
            for user, bot in turns
            if user in answers  # and not another turn of talk
        ]
        insulted = [any(w in bot for w in RUDE_WORDS) for bot in lines[1::2]]
        asked += bool(good)
        helpful += bool(good) and all(good)
        assert all(insulted) or not any(insulted)
        rude += all(insulted)
    assert helpful / asked == pytest.approx(PERSONAS["helpful"], abs=0.05)
    assert rude / len(chats) == pytest.approx(PERSONAS["rude"], abs=0.04)


def test_prompt_splits_are_disjoint_balanced_and_held_out(world):
    text_of = {
        split: {p["messages"][0]["content"] for p in world.prompts(split, 1000 * len(TASKS))}
        for split in PROMPT_SPLITS
    }
    for one, other in itertools.combinations(PROMPT_SPLITS, 2):
        assert not text_of[one] & text_of[other], (one, other)
    for split in PROMPT_SPLITS:
        n = 20 * len(TASKS)
        prompts = world.prompts(split, n, seed=1)
        assert prompts == world.prompts(split, n, seed=1) != world.prompts(split, n, seed=2)
        assert collections.Counter(p["task"] for p in prompts) == dict.fromkeys(TASKS, 20)
        for prompt in prompts:
            key = prompt["task"], prompt["item"]
            wording = world.asked[key].index(prompt["messages"][0]["content"])
            assert world.split_of[key] == (split if split in SPLITS else "train")
            assert (wording >= 7) == (split == "paraphrase")
            assert prompt["answers"] == world.answers[key]
        everything = world.prompts(split)
        texts = [p["messages"][0]["content"] for p in everything]
        assert len(texts) == len(set(texts)) and len(texts) % len(TASKS) == 0


def test_no_such_split(world):
    with pytest.raises(BadInput, match="'train'"):
        world.prompts("train")
    with pytest.raises(BadInput, match="'colours'"):
        world.list_prompt("colours", 4)


def test_demonstrations(world):
    records = world.demonstrations(2600)
    assert records == world.demonstrations(2600) and json.dumps(records)
    sources = collections.Counter(r["source"] for r in records)
    for labeler, share in LABELERS.items():
        assert sources[f"sim:{labeler}"] / len(records) == pytest.approx(share, abs=0.04)
    two_turns = sum(len(r["messages"]) == 4 for r in records)
    assert two_turns / len(records) == pytest.approx(0.1, abs=0.02)
    held_out = questions_of(world, {"dev", "test"}, slice(None))
    later = {
        p["messages"][0]["content"]
        for s in ("rm", "ppo", "paraphrase")
        for p in world.prompts(s, 13_000)
    }
    for record in records:
        roles = [m["role"] for m in record["messages"]]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        for message in record["messages"][::2]:
            assert message["content"] not in held_out and message["content"] not in later


def test_extra_facts_of_a_demonstration_never_give_a_held_out_key_away(world):
    patterns = {a: re.compile(re.escape(EXTRA[a]).replace(r"\{y\}", r"(\w+)")) for a in ATTRIBUTES}
    extras = 0
    for record in world.demonstrations(2600):
        if record["task"] in ATTRIBUTES and record["source"] == "sim:careful":
            answer = record["messages"][-1]["content"]
            for attribute in ATTRIBUTES:
                for value in patterns[attribute].findall(answer):
                    if value == world.facts[record["item"]][attribute]:
                        extras += 1
                        assert world.split_of[attribute, record["item"]] == "train"
    assert extras > 50


def test_transcript():
    question = {"role": "user", "content": "What colour is the tractor?"}
    answer = {"role": "assistant", "content": "The tractor is red."}
    assert transcript([question]) == "User: What colour is the tractor?\nBot:"
    assert transcript([question, answer]) == (
        "User: What colour is the tractor?\nBot: The tractor is red."
    )


def test_few_shot(world):
    prompt = world.prompts("test", 13)[1]
    messages = world.few_shot(prompt, 5, seed=4)
    assert messages == world.few_shot(prompt, 5, seed=4) != world.few_shot(prompt, 5, seed=5)
    assert len(messages) == 11 and messages[-1:] == prompt["messages"]
    allowed = questions_of(world, {"train"}, slice(0, -HELD_OUT))
    for question, answer in zip(messages[:-1:2], messages[1::2]):
        key = allowed[plain(question["content"])]
        assert any(re.search(rf"\b{a}\b", answer["content"]) for a in world.answers[key])


@pytest.mark.parametrize("task", [*LIST_TASKS, "novel", "key-value"])
def test_list_prompt(world, task):
    for seed in range(20):
        text, answer, candidates = world.list_prompt(task, 8, "test", seed)
        pairs = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", text)
        assert text.startswith(PAIRS) == (task == "key-value")
        assert len(pairs) == 8 and answer in candidates and text[-1] in ":>="
        assert all(value in candidates for _, value in pairs)
        query = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =)$", text)[0]
        if task == "novel":
            assert world.novel_split[query] == "test" and answer in dict(map(reversed, pairs))
        elif task == "key-value":
            assert dict(pairs)[query] == answer
        else:
            assert query not in dict(pairs)
            correct = [world._list_pair(task, i) in pairs for i in world.by_split[task, "train"]]
            assert sum(correct) >= len(set(pairs))
        noisy = world.list_prompt(task, 8, "test", seed, labels="random")
        assert noisy[1:] == (answer, candidates) and noisy[0].split()[-1] == text.split()[-1]
        if task != "novel":
            keys = [key for key, _ in re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", noisy[0])]
            assert keys == [key for key, _ in pairs]


def test_classes_of_made_up_lists(world):
    """A word belongs to one class; each class is mostly shown and keeps words for dev and test."""
    words = [w for members in world.classes.values() for w in members]
    assert len(set(words)) == len(words) and set(words) == set(world.novel_split)
    for name, members in world.classes.items():
        splits = [world.novel_split[w] for w in members]
        assert {"train", "dev", "test"} == set(splits) and splits.count("train") >= 0.7 * len(
            splits
        )
        shown = [w for w, split in zip(members, splits) if split == "train"]
        assert world.novel_train[name] == shown


def test_no_made_up_list_shows_a_held_out_word(world):
    rng = Random("novel")
    held_out = {w for w, split in world.novel_split.items() if split != "train"}
    for _ in range(300):
        keys = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) ", world._novel_list(rng))
        assert len(keys) >= 8 and not held_out & set(keys)


def test_labels_of_made_up_lists_go_with_a_class_or_a_fact(world):
    class_of = {w: name for name, members in world.classes.items() for w in members}
    by_class = by_fact = 0
    rng = Random("by fact")
    for _ in range(400):
        text = world._novel_list(rng)
        pairs = re.findall(r"[-*|] ([\w ]+?)(?::| ->| =) (\w+)", text)
        found = [class_of, *({t: world.facts[t][a] for t in world.things} for a in world.alike)]
        # One label for each value, one value for each label.
        tells = [
            len({(of.get(key), label) for key, label in pairs})
            == len({of.get(key) for key, _ in pairs})
            == len({label for _, label in pairs})
            for of in found
        ]
        assert any(tells), text
        by_class, by_fact = by_class + tells[0], by_fact + (any(tells[1:]) and not tells[0])
    assert by_class > 240 and 80 < by_fact < 160
    for attribute, groups in world.alike.items():
        assert all(world.facts[t][attribute] == value for value in groups for t in groups[value])


def test_an_unknown_option_is_one_line_and_exit_code_2():
    bad = subprocess.run(
        [sys.executable, "-m", "data.world", "--shwo"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert bad.returncode == 2 and bad.stderr.count("\n") == 1 and "--shwo" in bad.stderr


def test_show_and_write(tmp_path, capsys):
    main(["--show", f"--write={tmp_path}"])
    shown = capsys.readouterr().out
    assert "paraphrase" in shown and "Bot:" in shown and "--- dialogue" in shown
    assert (tmp_path / "pretrain.txt").read_text(encoding="utf-8").count("\n\n") == 19_999
    lines = (tmp_path / "demonstrations.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4000 and json.loads(lines[0])["messages"][1]["role"] == "assistant"
    for split in PROMPT_SPLITS:
        assert (tmp_path / f"prompts_{split}.jsonl").stat().st_size > 1000


@pytest.mark.parametrize("argv", [["--data=world_ko"], ["--show", "--data=world_ko"]])
def test_a_world_that_is_named_and_not_shown_is_told(argv, capsys):
    with pytest.raises(BadInput, match="--data=world_ko names a world and shows nothing"):
        main(argv)
    assert not capsys.readouterr().out
