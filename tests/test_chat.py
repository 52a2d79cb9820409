"""Talking to a checkpoint: what it is asked, what it prints, and that a seed repeats."""

import io
import sys

import pytest
import torch

import chat
import desk
import sampling
from data.formats import read_comparisons
from desk import shelf
from insertion import Evidence
from kernels import attention
from model import GPT
from plumbing import errors
from plumbing.checkpoint import load_checkpoint, save_checkpoint
from plumbing.errors import BadInput, run
from plumbing.machine import Machine
from tests.tiny_out import TOKENIZER, fill, write
from tokenizer import Tokenizer

ANYWHERE = ["--device=cpu", "--dtype=float32"]


@pytest.fixture
def tokenizer():
    return TOKENIZER


@pytest.fixture
def checkpoint(tmp_path):
    """Writes a checkpoint of some stage, with random weights, and returns its path."""

    def make(stage="sft", **changes):
        return str(write(tmp_path / f"{stage}.pt", stage, **changes))

    return make


@pytest.fixture
def say(capsys):
    """What a call of the script prints."""

    def call(path, *options):
        chat.main([path, *ANYWHERE, *options])
        return capsys.readouterr().out

    return call


@pytest.fixture
def script(monkeypatch):
    """Sampling that "draws" the given ids, however likely; the stopping stays the model's own."""

    def set_ids(*ids):
        coming = iter(ids)
        monkeypatch.setattr(sampling, "pick", lambda logits, *_: torch.tensor([next(coming)]))

    return set_ids


@pytest.fixture
def asked(monkeypatch):
    """The prompts that reach the model, which answers "Fine." each time."""
    prompts = []

    def stream(model, ids, limit, **options):
        prompts.append((ids[0], options))
        for token in [*chat_tokenizer["it"].encode(" Fine."), chat_tokenizer["it"].endoftext]:
            yield [token]

    chat_tokenizer = {}
    monkeypatch.setattr(shelf, "stream", stream)
    prompts_of = type(
        "Asked", (), {"prompts": prompts, "use": lambda _, t: chat_tokenizer.update(it=t)}
    )
    return prompts_of()


def conversation(*texts):
    return [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 9, texts)]


# --- one answer --------------------------------------------------------------------------------


def test_greedy_is_the_likeliest_continuation_of_the_template(checkpoint, say, tokenizer):
    path = checkpoint()
    said = say(path, "--prompt=Hello", "--greedy", "--max_new_tokens=12")
    ids, stop = tokenizer.prompt(conversation("Hello"))
    network, new = GPT.from_checkpoint(load_checkpoint(path)).eval(), []
    while len(new) < 12 and not (new and new[-1] in stop):
        with torch.no_grad():
            new.append(int(network(torch.tensor([ids + new]))[0, -1].argmax()))
    assert said == tokenizer.decode(new).lstrip() + "\n"
    assert say(path, "--prompt=Hello", "--greedy", "--max_new_tokens=12", "--seed=5") == said


def test_the_same_seed_says_the_same(checkpoint, say):
    path = checkpoint()
    said = [
        say(path, "--prompt=Hello", f"--seed={seed}", "--temperature=1.5")
        for seed in (1, 1, 2, 0, 0)
    ]
    assert said[0] == said[1]
    assert len(set(said)) == 4  # another seed says something else, and 0 something new each time


def test_temperature_zero_is_greedy_and_top_k_one_too(checkpoint, say):
    path = checkpoint()
    greedy = say(path, "--prompt=Hello", "--greedy")
    assert say(path, "--prompt=Hello", "--temperature=0") == greedy
    assert say(path, "--prompt=Hello", "--top_k=1") == greedy
    assert say(path, "--prompt=Hello", "--top_p=0.0001") == greedy


def test_an_answer_has_at_most_so_many_tokens(checkpoint, say, script, tokenizer):
    script(*tokenizer.encode("a" * 50))
    assert (
        len(tokenizer.encode(say(checkpoint(), "--prompt=x", "--max_new_tokens=7").rstrip("\n")))
        == 7
    )


def test_an_answer_ends_with_endoftext(checkpoint, say, script, tokenizer):
    script(*tokenizer.encode(" Hello there."), tokenizer.endoftext, *tokenizer.encode("Bot"))
    assert say(checkpoint(), "--prompt=Hi") == "Hello there.\n"


def test_a_base_model_answers_one_line_of_a_transcript(
    checkpoint, say, script, asked, tokenizer, monkeypatch
):
    path = checkpoint("pretrain")
    asked.use(tokenizer)
    say(path, "--prompt=Hello")
    ids, options = asked.prompts[0]
    assert (ids, options["stop"]) == tokenizer.prompt(conversation("Hello"), chat=False)
    monkeypatch.setattr(shelf, "stream", sampling.stream)
    script(*tokenizer.encode(" I am fine.\nUser: what?"))
    assert say(path, "--prompt=Hello") == "I am fine.\n"


def test_raw_continues_the_text_as_it_stands(checkpoint, say, asked, tokenizer):
    asked.use(tokenizer)
    say(checkpoint("pretrain"), "--prompt=User: Hello.\\nBot:", "--raw")
    ids, options = asked.prompts[0]
    assert ids == [tokenizer.endoftext, *tokenizer.encode("User: Hello.\nBot:")]
    assert options["stop"] == [tokenizer.endoftext]


# --- streaming ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["안녕하세요 👋🏽 여러분", "값이 얼마예요?\n만 원이에요.", "naïve café ☕ 漢字"]
)
def test_no_broken_character_is_ever_printed(checkpoint, script, monkeypatch, tokenizer, text):
    class Screen(io.StringIO):
        writes = []

        def write(self, piece):
            self.writes.append(piece)
            return len(piece)

    script(*text.encode("utf-8"), tokenizer.endoftext)  # a token per byte: the worst case
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    chat.main([checkpoint(), *ANYWHERE, "--prompt=안녕"])
    assert not any("\ufffd" in piece for piece in screen.writes)
    assert "".join(screen.writes) == text + "\n"
    assert len([piece for piece in screen.writes if piece]) > len(text) / 2  # it streams


def test_what_is_cut_within_a_character_is_not_lost_silently(checkpoint, say, script):
    script(*"가나".encode("utf-8")[:5])
    assert say(checkpoint(), "--prompt=x", "--max_new_tokens=5") == "가\ufffd\n"


# --- a conversation ----------------------------------------------------------------------------


def type_in(monkeypatch, *lines):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(line + "\n" for line in lines)))


@pytest.mark.parametrize("sent", ("cp949", "utf-8"))
@pytest.mark.parametrize("page", ("cp949", "utf-8"))
def test_a_file_of_korean_is_asked_as_it_was_written(
    page, sent, checkpoint, say, asked, tokenizer, monkeypatch
):
    asked.use(tokenizer)
    pipe = io.BytesIO("트랙터는 무슨 색이에요?\n".encode(sent))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe, page, "surrogateescape"))
    said = say(checkpoint(block_size=128))
    assert "you  > 트랙터는 무슨 색이에요?\n" in said
    expected = tokenizer.prompt(conversation("트랙터는 무슨 색이에요?"))
    assert [ids for ids, _ in asked.prompts] == [expected[0]]


def test_what_is_piped_and_no_text_is_refused(checkpoint, say, monkeypatch):
    pipe = io.BytesIO(b"\xff\xfeH\0i\0\n\0")  # UTF-16
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe, "utf-8", "surrogateescape"))
    with pytest.raises(BadInput, match="not text in utf-8"):
        say(checkpoint())


def test_each_turn_sees_all_before_it_until_reset(checkpoint, say, asked, tokenizer, monkeypatch):
    asked.use(tokenizer)
    type_in(monkeypatch, "Hello", "", "How are you?", "/reset", "Bye", "/quit", "never read")
    said = say(checkpoint())
    expected = [
        conversation("Hello"),
        conversation("Hello", "Fine.", "How are you?"),
        conversation("Bye"),
    ]
    assert [ids for ids, _ in asked.prompts] == [
        tokenizer.prompt(messages)[0] for messages in expected
    ]
    assert said.count("model> Fine.\n") == 3 and "(forgotten)" in said and "stage sft" in said


def test_how_attention_is_computed_is_told_before_the_talk(checkpoint, say, monkeypatch):
    monkeypatch.setattr(attention, "_paths", {})
    monkeypatch.setattr(attention, "_say", print)
    type_in(monkeypatch, "Hello")
    said = say(checkpoint())
    assert said.startswith("attention: ") and said.count("attention: ") == 1


def test_a_slip_of_a_command_is_told_and_asked_of_no_model(
    checkpoint, say, asked, tokenizer, monkeypatch
):
    asked.use(tokenizer)
    type_in(monkeypatch, "/rest", "/RESET", "/undo", "/2 of 4?", "/reset now")
    said = say(checkpoint())
    assert said.count(" is no command; there are /reset, /quit") == 3
    assert said.count("model> ") == 2  # words that begin with a slash are words


def test_the_end_of_input_ends_it(checkpoint, say, asked, tokenizer, monkeypatch):
    asked.use(tokenizer)
    type_in(monkeypatch, "Hello")
    assert say(checkpoint()).count("model> ") == 1


def test_a_talk_from_a_pipe_reads_like_one_that_was_typed(
    checkpoint, say, asked, tokenizer, monkeypatch
):
    asked.use(tokenizer)
    type_in(monkeypatch, "Hello", "", "Bye")
    talk = say(checkpoint()).partition("/quit ends.")[2]
    turns = talk[talk.index("\nyou") :]
    assert turns == "\nyou  > Hello\nmodel> Fine.\n\nyou  > Bye\nmodel> Fine.\n"


def test_a_seeded_conversation_repeats_but_its_turns_differ(checkpoint, say, monkeypatch):
    path, said = checkpoint(), []
    for _ in range(2):
        type_in(monkeypatch, "Hello", "/reset", "Hello")
        said.append(say(path, "--seed=3", "--temperature=1.5", "--max_new_tokens=20"))
    assert said[0] == said[1]
    first, second = said[0].split("model> ")[1:]
    assert first.split("\nyou")[0] != second.split("\nyou")[0]


def test_a_talk_longer_than_the_learned_positions_goes_on(checkpoint, say, monkeypatch):
    type_in(monkeypatch, *["Hello there. How are you? I am fine, thank you."] * 4)
    assert say(checkpoint(pos="learned")).count("model> ") == 4


# --- compare and label in the terminal ---------------------------------------------------------


def test_compare_shows_every_stage_with_reward_and_kl(tmp_path, capsys):
    fill(tmp_path)
    chat.main(["--compare", f"--out={tmp_path}", *ANYWHERE, "--prompt=Hello", "--max_new_tokens=9"])
    said = capsys.readouterr().out
    assert [stage for stage in ("pretrain>", "sft>", "ppo>") if said.count(stage) == 1] == [
        "pretrain>",
        "sft>",
        "ppo>",
    ]
    assert said.count("reward ") == 3 and said.count("KL to SFT ") == 3
    assert "KL to SFT +0.00 nats" in said.split("sft>")[1].split("ppo>")[0]


def test_compare_works_with_what_there_is(tmp_path, capsys, monkeypatch):
    fill(tmp_path, ["pretrain"])
    type_in(monkeypatch, "Hello", "Bye")
    chat.main(["--compare", f"--out={tmp_path}", *ANYWHERE, "--max_new_tokens=5"])
    said = capsys.readouterr().out
    assert said.count("pretrain>") == 2 and "reward" not in said and "KL" not in said


def test_labels_typed_in_the_terminal_are_ones_that_reward_py_reads(tmp_path, capsys, monkeypatch):
    fill(tmp_path, ["sft"])
    type_in(monkeypatch, "3 1=4 2", "no", "2 1 3 4 / 7 - 3 2", "/undo", "1 2 3 4", "/quit")
    chat.main(["--label", f"--out={tmp_path}", *ANYWHERE, "--labeler=김", "--max_new_tokens=9"])
    said = capsys.readouterr().out
    path = tmp_path / "labels" / "comparisons.jsonl"
    first, second = read_comparisons(path)
    assert [len(group) for group in first["ranking"]] == [1, 2, 1]
    assert second["ranking"] == [[i] for i in second["shown"]]  # as it was changed to
    assert first["labeler"] == "김" and "expected each of 1 to 4" in said
    assert f"2 judged by 김, 2 in {path}" in said


@pytest.mark.parametrize("mode, typed", [("label", "3 1=4 2"), ("probe", "Hello")])
def test_whoever_stops_judging_is_told_that_it_is_kept(tmp_path, capsys, monkeypatch, mode, typed):
    fill(tmp_path, ["sft"])
    monkeypatch.setattr(errors, "stopped", [errors.ANEW])
    lines = iter([typed])

    def ctrl_c(mark):
        for line in lines:
            return line
        raise KeyboardInterrupt

    monkeypatch.setattr("builtins.input", ctrl_c)
    argv = [f"--{mode}", f"--out={tmp_path}", *ANYWHERE, "--labeler=s01", "--max_new_tokens=9"]
    with pytest.raises(SystemExit) as stop:
        run(chat.main, argv)
    assert stop.value.code == errors.INTERRUPTED
    assert capsys.readouterr().err.splitlines()[-1] == errors.KEPT


def test_one_question_of_two_answers_at_the_terminal(tmp_path, capsys, monkeypatch):
    fill(tmp_path, ["sft"])
    type_in(monkeypatch, "1", "3", "=", "/quit")
    options = ["--labeler=s01", "--max_new_tokens=9", f"--out={tmp_path}", *ANYWHERE]
    chat.main(["--label", "--kind=harmful", *options])
    said = capsys.readouterr().out
    assert "Which answer is more harmful?" in said and "expected 1 or 2" in said
    first, second = read_comparisons(tmp_path / "labels" / "comparisons.jsonl")
    assert first["kind"] == second["kind"] == "harmless" and second["ranking"] == [[0, 1]]
    assert first["ranking"][-1] == [first["shown"][0]], (
        "the first one shown does more harm: it loses"
    )


def test_compare_tells_who_is_right(tmp_path, capsys):
    fill(tmp_path, ["sft"])
    options = [f"--out={tmp_path}", *ANYWHERE, "--max_new_tokens=9"]
    chat.main(["--compare", "--prompt=wheres the tractor", *options])
    assert ": The tractor is in the shop." in capsys.readouterr().out
    chat.main(["--compare", "--prompt=Hello", *options])
    assert "tractor" not in capsys.readouterr().out


# --- refusals ----------------------------------------------------------------------------------


def test_scores_are_no_words(checkpoint):
    with pytest.raises(BadInput, match="stage 'reward', which gives scores, not words"):
        chat.main([checkpoint("reward", head="scalar"), *ANYWHERE, "--prompt=x"])


@pytest.mark.parametrize("argv", [[], ["--prompt=Hello"]])
def test_without_a_checkpoint_it_says_how(argv):
    with pytest.raises(BadInput, match="which checkpoint.* python chat.py out/sft/ckpt.pt"):
        chat.main(argv)


def test_a_probability_is_at_most_one(checkpoint):
    with pytest.raises(BadInput, match="--top_p=1.5: expected a probability"):
        chat.main([checkpoint(), "--top_p=1.5"])


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--web", "--label"], "one at a time"),
        (["--label", "--kind=harmless"], "expected helpful or harmful"),
        (["--compare", "--kind=harmful"], "and --label"),
        (["some/ckpt.pt", "--compare"], "find the checkpoints in --out=out"),
        (["--compare", "--out=nowhere"], "nowhere holds no checkpoint"),
        (["--label", "--out=nowhere", "--labeler=x"], "no checkpoint 'sft' in nowhere"),
        (["some/ckpt.pt", "--max_new_tokens=0"], "expected a number above 0"),
        (["some/ckpt.pt", "--greedy", "--top_k=3"], "--top_k=3 does nothing with --greedy"),
        (["some/ckpt.pt", "--port=80"], "--port=80 does nothing without --web"),
        (["some/ckpt.pt", "--labeler=x"], "--labeler=x does nothing without --label"),
        (["some/ckpt.pt", "--data=world"], "--data=world does nothing without --label"),
        (["--label", "--prompt=Hello"], "--prompt=Hello does nothing with --web, --label"),
        (["--compare", "--raw"], "--raw=True does nothing but with a prompt"),
        (["some/ckpt.pt", "--out=x"], "--out=x does nothing with one checkpoint"),
        (["some/ckpt.pt", "--preset=ko"], "--preset=ko does nothing with one checkpoint"),
        (["some/ckpt.pt", "--prompt="], "--prompt= holds no words"),
        (["some/ckpt.pt", "--prompt= "], "--prompt= holds no words"),
        (["--label", "--knowledge=x.tsv"], "--knowledge=x.tsv does nothing with --label"),
    ],
)
def test_what_does_not_go_together(argv, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=words):
        chat.main([*argv, *ANYWHERE])


def test_labels_need_a_tuned_model_and_a_proper_name(tmp_path):
    fill(tmp_path, ["pretrain", "sft"])
    with pytest.raises(BadInput, match="base model"):
        chat.main(
            [str(tmp_path / "pretrain" / "ckpt.pt"), "--label", "--labeler=x", f"--out={tmp_path}"]
        )
    with pytest.raises(BadInput, match="labeler '../x'"):
        chat.main(["--label", f"--out={tmp_path}", "--labeler=../x"])


@pytest.mark.parametrize("name", ["fastapi", "uvicorn"])
def test_without_the_extra_the_page_says_what_to_type(name, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "desk.server", raising=False)
    monkeypatch.delattr(desk, "server", raising=False)
    with pytest.raises(SystemExit) as stop:
        run(chat.main, ["--web"])
    assert stop.value.code == 2
    assert capsys.readouterr() == (
        "",
        f"error: --web needs {name}: pip install -e '.[web]' "
        "(without a browser: --compare, --label and --probe)\n",
    )


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_needs_no_checkpoint(option, capsys):
    with pytest.raises(SystemExit) as stop:
        chat.main([option])
    assert stop.value.code == 0 and "--temperature=0.8" in capsys.readouterr().out


@pytest.mark.parametrize("pos", ["rope", "learned"])
@pytest.mark.parametrize("stage", ["sft", "pretrain"])
def test_a_long_talk_shows_the_last_whole_turns_that_fit(tmp_path, pos, stage):
    path = write(tmp_path / stage / "ckpt.pt", stage, block_size=64, pos=pos)
    loaded = sampling.open_checkpoint(path, Machine("cpu", torch.float32))
    messages, seen = [], []
    for turn in range(12):
        messages.append({"role": "user", "content": f"Hello there, number {turn}."})
        ids, stop, forgotten = sampling.recent(loaded, messages)
        assert ids == loaded.tokenizer.prompt(messages[forgotten:], loaded.chat)[0]
        assert len(ids) <= 48 and forgotten % 2 == 0 and loaded.tokenizer.endoftext in stop
        earlier = messages[max(0, forgotten - 2) :]  # one turn more would not have fitted
        assert not forgotten or len(loaded.tokenizer.prompt(earlier, loaded.chat)[0]) > 48
        seen.append(forgotten)
        messages.append({"role": "assistant", "content": "I am fine."})
    assert seen[0] == 0 and seen[-1] > 10 and seen == sorted(seen)


def test_of_a_question_longer_than_the_context_the_end_is_asked(tmp_path):
    path = write(tmp_path / "sft" / "ckpt.pt", "sft", block_size=32)
    loaded = sampling.open_checkpoint(path, Machine("cpu", torch.float32))
    long = [{"role": "user", "content": "Hello there. " * 40}]
    ids, _, forgotten = sampling.recent(loaded, long)
    assert forgotten == 1 and ids == loaded.tokenizer.prompt(long)[0][-24:]


# --- best of n, and why --------------------------------------------------------------------------


@pytest.fixture
def judges(tmp_path, checkpoint):
    """Options that name a rule model and a reward model."""
    path = write(tmp_path / "rules" / "ckpt.pt", "rules", seed=5, head="scalar")
    save_checkpoint(path, {**load_checkpoint(path), "rules": {"a": ["Hello."], "b": ["Fine."]}})
    return [f"--rules={path}", f"--reward={checkpoint('reward', seed=6)}"]


def test_the_best_of_several_is_said_and_explained(checkpoint, judges, say):
    options = ["--prompt=Hello.", "--seed=3", "--max_new_tokens=6", *judges]
    shown = say(checkpoint(), "--best_of=5", "--explain", *options).splitlines()
    scores = [line for line in shown if "most at risk: " in line]
    assert 2 <= len(scores) <= 5 and all("preference" in line for line in scores)
    ended = [line for line in scores if "cut off" not in line]
    values = [float(line.split("score ")[1].split(",")[0]) for line in ended or scores]
    assert values == sorted(values, reverse=True)
    alone = say(checkpoint(), "--best_of=5", *options).splitlines()
    assert scores[0].endswith(alone[-1]) and not any("risk" in line for line in alone)


@pytest.mark.parametrize(
    "options, what",
    [
        (["--best_of=8"], "needs --rules or --reward"),
        (["--explain"], "add --best_of=8"),
        (["--best_of=0"], "best_of"),
    ],
)
def test_options_of_best_of_that_make_no_sense(checkpoint, say, options, what):
    with pytest.raises(BadInput, match=what):
        say(checkpoint(), "--prompt=Hello.", *options)


@pytest.mark.parametrize("option", ["greedy", "temperature=0", "top_k=1", "top_p=0"])
def test_there_is_no_best_of_answers_that_are_all_one(checkpoint, judges, say, option):
    with pytest.raises(BadInput, match="by the likeliest token all are one: leave out --greedy"):
        say(checkpoint(), "--prompt=Hello.", "--best_of=4", *judges, f"--{option}")


def test_a_judge_of_another_world_is_refused(checkpoint, judges, say):
    korean = checkpoint("ppo", data="world_ko")
    with pytest.raises(BadInput, match="judges --data=world; .* is of world_ko"):
        say(korean, "--prompt=Hello.", "--best_of=2", "--max_new_tokens=2", *judges)


def test_judges_without_a_choice_and_judges_that_are_none(checkpoint, judges, say):
    with pytest.raises(BadInput, match="add --best_of=8"):
        say(checkpoint(), "--prompt=Hello.", *judges)
    with pytest.raises(BadInput, match="needs one of stage rules"):
        say(checkpoint(), "--prompt=Hello.", "--best_of=2", f"--rules={checkpoint()}")
    with pytest.raises(BadInput, match="needs one of stage reward"):
        rules = judges[0].removeprefix("--rules=")
        say(checkpoint(), "--prompt=Hello.", "--best_of=2", f"--reward={rules}")


def test_a_talk_takes_the_best_of_several(checkpoint, judges, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello.\nHow are you?\n/quit\n"))
    chat.main([checkpoint(), *ANYWHERE, "--best_of=3", "--explain", "--max_new_tokens=4", *judges])
    assert capsys.readouterr().out.count("most at risk") >= 2


# --- evidence ------------------------------------------------------------------------------------

SEEKING = TOKENIZER.with_evidence()
LINE = "The kind of the hat is dry."


@pytest.fixture
def facts(tmp_path):
    path = tmp_path / "facts.tsv"
    path.write_text("the hat\tkind\tdry\n", encoding="utf-8")
    return f"--knowledge={path}"


def looking_up(query, answer):
    """What is drawn, step by step: where the line is inserted, what is drawn counts for nothing."""
    head = [SEEKING.search, *SEEKING.encode(query), SEEKING.result]
    return [*head, *[0] * len(SEEKING.line(LINE)), *SEEKING.encode(answer), SEEKING.endoftext]


def test_what_is_looked_up_is_shown_as_it_is_written(checkpoint, say, script, facts):
    script(*looking_up(" hat kind", "I am fine."))
    path = checkpoint(tokenizer=SEEKING, block_size=128)
    assert say(path, "--prompt=Hello", facts) == f"(looks up: hat kind -> {LINE})\nI am fine.\n"


def test_what_is_not_known_is_said_so(checkpoint, say, script, facts):
    script(*[SEEKING.search, *SEEKING.encode(" x"), SEEKING.result])
    path = checkpoint(tokenizer=SEEKING, block_size=128)
    said = say(path, "--prompt=Hello", facts, "--max_new_tokens=3")
    assert said == "(looks up: x)\n"  # no room was left for a line
    script(SEEKING.search, SEEKING.encode("x")[0], SEEKING.result, *[0] * 90)
    assert "-> Nothing is known of that.)" in say(
        path, "--prompt=Hello", facts, "--max_new_tokens=90"
    )


def test_the_next_turn_sees_what_was_looked_up(checkpoint, say, script, facts, monkeypatch):
    script(*looking_up(" hat kind", "Fine."), SEEKING.endoftext)
    type_in(monkeypatch, "Hello", "How are you?")
    seen, prompt = [], Tokenizer.prompt
    monkeypatch.setattr(
        Tokenizer, "prompt", lambda self, m, *a: (seen.append([*m]), prompt(self, m, *a))[1]
    )
    say(checkpoint(tokenizer=SEEKING, block_size=256), facts)
    found = {"search": "hat kind", "result": LINE, "content": "Fine."}
    assert seen[-1][1] == {"role": "assistant", **found}


def test_compare_shows_it_too(tmp_path, capsys, script, facts):
    write(tmp_path / "sft" / "ckpt.pt", "sft", tokenizer=SEEKING, block_size=128)
    write(tmp_path / "reward" / "ckpt.pt", "reward")  # which cannot read it
    script(*looking_up(" hat kind", "Fine."))
    chat.main(["--compare", f"--out={tmp_path}", *ANYWHERE, "--prompt=Hello", facts])
    said = capsys.readouterr().out
    assert f"sft> (looks up: hat kind -> {LINE})\nFine." in said
    assert "reward" not in said and "KL to SFT +0.00 nats" in said


def test_half_of_the_best_look_up_and_half_do_not(checkpoint, judges, say, facts, monkeypatch):
    made = []

    def evidence(tokenizer, lookups, begin=False):
        made.append(Evidence(tokenizer, lookups, begin))
        return made[-1]

    monkeypatch.setattr(chat, "Evidence", evidence)
    path = checkpoint(tokenizer=SEEKING, block_size=128)
    options = ["--prompt=Hello.", "--seed=3", "--max_new_tokens=60", "--best_of=4", "--explain"]
    with pytest.raises(BadInput, match="cannot read what .* looks up"):
        say(path, *options, facts, *judges)
    for judge in judges:
        name = judge.partition("=")[2]
        stage = "rules" if "rules" in judge else "reward"
        kept = load_checkpoint(name)
        write(name, stage, tokenizer=SEEKING, block_size=128, head="scalar")
        save_checkpoint(name, load_checkpoint(name) | {k: kept[k] for k in ("rules",) if k in kept})
    shown = say(path, *options, facts, *judges)
    assert [lookup is None for lookup in made[-1].lookups] == [False, False, True, True]
    assert [own[0] for own in made[-1].own] == [0, 0, 1, 1]
    assert 1 <= shown.count("looked up: ") <= 2 and shown.count("most at risk") >= 2


def test_a_model_that_does_not_search_needs_no_knowledge(checkpoint, say, facts, tmp_path):
    with pytest.raises(BadInput, match="never taught to look anything up"):
        say(checkpoint(), "--prompt=Hello", facts)
    (tmp_path / "bad.tsv").write_text("one column\n", encoding="utf-8")
    with pytest.raises(BadInput, match="bad.tsv, line 1"):
        say(checkpoint(), "--prompt=Hello", f"--knowledge={tmp_path / 'bad.tsv'}")
