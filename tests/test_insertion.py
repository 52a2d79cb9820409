"""Lines that are inserted while a model writes: against a slow loop without a cache, and by hand."""

import pytest
import torch

import insertion
import sampling
from insertion import Evidence, answering
from model import GPT
from plumbing.machine import Machine
from sampling import answer, as_text, generate, lay_out, respond, stream
from tests.tiny import tiny
from tokenizer import Tokenizer

CPU = Machine("cpu", torch.float32)
TOKENIZER = Tokenizer([bytes([b]) for b in range(256)], evidence=True)
SEARCH, RESULT, NEWLINE = TOKENIZER.search, TOKENIZER.result, TOKENIZER.newline
END = TOKENIZER.endoftext
RAGGED = [[3], [1, 4, 1, 5, 9, 2, 6], [5, 3, 5], [8, 9, 7, 9], [3, 2, 3, 8, 4, 6], [2, 6]]


def seeker(pos="rope"):
    """A network that often searches and often ends its query: one channel is always 1, and what
    stands there in a token's row is added to its logit."""
    model = tiny(pos, vocab_size=TOKENIZER.n_vocab, block_size=96, bias=True, n_layer=1)
    with torch.no_grad():
        model.ln_f.weight[0], model.ln_f.bias[0] = 0.0, 1.0
        model.wte.weight[:, 0] = 0.0
        for token, more in ((SEARCH, 6.0), (RESULT, 6.0), (END, 4.0)):
            model.wte.weight[token, 0] = more
    return model


def shout(query):
    """A line that tells which query it answers, longer for a longer one."""
    return f"<{query.upper()}>" * (1 + len(query) % 3)


def slow(model, prompts, n, noise, lookup, temperature=1.0):
    """Each row alone, the whole text again for each token. What is inserted is found by looking at
    all that was drawn so far."""
    rows, owns = [], []
    for prompt, u in zip(prompts, noise.tolist()):
        new, own, line = [], [], []
        while len(new) < n and END not in new:
            if line:
                new.append(line.pop(0))
                own.append(0)
            else:
                logits = model(torch.tensor([prompt + new]))[0, -1].double()
                p = logits.softmax(-1).cumsum(-1)
                likeliest, drawn = int(logits.argmax()), int((p <= u[len(new)] * p[-1]).sum())
                new.append(drawn if temperature else likeliest)
                own.append(1)
            if line or SEARCH not in new or new.index(SEARCH) == len(new) - 1:
                continue
            query = new[new.index(SEARCH) + 1 :]
            if new[-1] == RESULT and query.count(RESULT) == 1:
                text = TOKENIZER.decode(query).strip()
                line = [*TOKENIZER.encode(lookup(text))[: insertion.LONGEST_LINE], NEWLINE]
            elif RESULT not in query and len(query) == insertion.LONGEST_QUERY:
                line = [RESULT]
        rows.append(new)
        owns.append(own)
    return rows, owns


@pytest.mark.parametrize("pos", ["rope", "learned"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_insertion_equals_a_slow_uncached_loop(pos, temperature, monkeypatch):
    """Rows of ragged length insert at different times, some never; some lines and queries are cut."""
    monkeypatch.setattr(insertion, "LONGEST_QUERY", 5)
    monkeypatch.setattr(insertion, "LONGEST_LINE", 9)
    began, cut, lines = set(), 0, 0
    for seed in range(2):
        torch.manual_seed(seed)
        model, noise = seeker(pos), torch.rand(len(RAGGED), 26)
        evidence = Evidence(TOKENIZER, [shout] * len(RAGGED))
        draws = {"temperature": temperature, "noise": noise, "stop": [END]}
        found = generate(model, RAGGED, 26, evidence=evidence, **draws)
        expected = slow(model, RAGGED, 26, noise, shout, temperature)
        assert (found, evidence.own) == expected
        for row, own in zip(found, evidence.own):
            if 0 in own:
                began.add(own.index(0))
                cut += row[own.index(0)] == RESULT
                lines += sum(own) < len(own) - 9
    if temperature:  # a greedy network may go round in circles
        assert len(began) > 3 and cut and lines, "the network should have searched in many ways"


def test_the_prompt_is_read_once(monkeypatch):
    """After the prefill every step is one token a row, inserted or not."""
    torch.manual_seed(0)
    model, widths = seeker(), []
    trunk = model.trunk
    monkeypatch.setattr(model, "trunk", lambda x, *a: (widths.append(x.shape[1]), trunk(x, *a))[1])
    evidence = Evidence(TOKENIZER, [shout] * len(RAGGED), begin=True)
    steps = list(stream(model, RAGGED, 40, seed=1, stop=[END], evidence=evidence))
    assert any(0 in own[1:] for own in evidence.own)
    assert widths == [7] + [1] * (len(steps) - 1)


# --- by hand -------------------------------------------------------------------------------------


@pytest.fixture
def script(monkeypatch):
    """Sampling that draws the given ids, a list for each row; what is inserted uses up none."""

    def set_ids(*rows):
        rows = [list(row) for row in rows]
        evidence = {}

        def pick(logits, *_):
            coming = evidence["it"].coming if evidence else [[]] * len(rows)
            drawn = []
            for row, later in zip(rows, coming):
                drawn.append(row.pop(0) if row and not later else 0)
            return torch.tensor(drawn)

        monkeypatch.setattr(sampling, "pick", pick)
        return evidence

    return set_ids


def written(text, end=True):
    """Ids of a text in which ? stands for <|search|> and ! for <|result|>."""
    special = {"?": SEARCH, "!": RESULT}
    ids = [[special[c]] if c in special else TOKENIZER.encode(c) for c in text]
    return sum(ids, []) + [END] * end


def test_two_rows_by_hand(script):
    model, asked = seeker(), []

    def lookup(query):
        asked.append(query)
        return "red"

    evidence = Evidence(TOKENIZER, [lookup, lookup])
    script(written("? dax!it"), written("no?dax!", end=False))["it"] = evidence
    found = generate(model, [[1, 2], [3]], 13, stop=[END], evidence=evidence)
    assert asked == ["dax", "dax"]
    assert found == [written("? dax!red\nit"), written("no?dax!red\n", end=False) + [0, 0]]
    assert evidence.own == [[1] * 6 + [0] * 4 + [1] * 3, [1] * 7 + [0] * 4 + [1] * 2]


def test_a_query_without_end_is_cut_and_answered(script):
    evidence = Evidence(TOKENIZER, [lambda query: f"not {len(query)}"])
    script(written("?" + "x" * 50 + "!y"))["it"] = evidence
    found = generate(seeker(), [[1]], 40, stop=[END], evidence=evidence)[0]
    longest = insertion.LONGEST_QUERY
    head = written("?" + "x" * longest + f"!not {longest}\n", end=False)
    assert found[: len(head)] == head
    assert evidence.own[0][: len(head)] == [1] * (longest + 1) + [0] * (len(head) - longest - 1)


def test_the_second_search_of_an_answer_finds_nothing(script):
    evidence = Evidence(TOKENIZER, [lambda query: "red"])
    script(written("?a!?b!c"))["it"] = evidence
    assert generate(seeker(), [[1]], 40, stop=[END], evidence=evidence)[0] == written(
        "?a!red\n?b!c"
    )


def test_a_long_line_loses_its_end_and_no_line_breaks_in_two(script):
    evidence = Evidence(TOKENIZER, [lambda query: "ab\n" * 99])
    script(written("?a!c"))["it"] = evidence
    found = generate(seeker(), [[1]], 99, stop=[END], evidence=evidence)[0]
    line = ("ab " * 99)[: insertion.LONGEST_LINE]
    assert found == written(f"?a!{line}\nc")


def test_the_budget_counts_what_is_inserted(script):
    evidence = Evidence(TOKENIZER, [lambda query: "red"])
    script(written("?a!c"))["it"] = evidence
    found = generate(seeker(), [[1]], 5, stop=[END], evidence=evidence)[0]
    assert found == written("?a!re", end=False)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_without_a_lookup_never_searches(temperature):
    torch.manual_seed(0)
    model, noise = seeker(), torch.rand(6, 30)
    free = generate(model, RAGGED, 30, noise=noise, evidence=Evidence(TOKENIZER, [shout] * 6))
    assert any(SEARCH in row for row in free[:3])
    closed = Evidence(TOKENIZER, [None] * 3 + [shout] * 3)
    draws = {"noise": noise, "temperature": temperature}
    found = generate(model, RAGGED, 30, evidence=closed, **draws)
    assert not any(SEARCH in row for row in found[:3])
    assert found[3:] == generate(
        model,
        RAGGED[3:],
        30,
        evidence=Evidence(TOKENIZER, [shout] * 3),
        **draws | {"noise": noise[3:]},
    )


def test_to_begin_with_a_search_is_put_there():
    evidence = Evidence(TOKENIZER, [shout, None], begin=True)
    found = generate(seeker(), [[1], [1]], 6, seed=1, evidence=evidence)
    assert found[0][0] == SEARCH and evidence.own[0][0] == 0
    assert SEARCH not in found[1] and 0 not in evidence.own[1]


# --- text ----------------------------------------------------------------------------------------


def test_text_of_each_part_as_it_is_written():
    steps = [[token] for token in written("? dax! é\n it")]
    found = list(as_text(TOKENIZER, steps, [END]))
    parts = {}
    for _, text, part in found:
        parts[part] = parts.get(part, "") + text
    assert parts == {"search": "dax", "result": "é", "content": "it"}
    assert [part for _, text, part in found if text == "x"] == ["search"]
    assert [token for token, _, _ in found[:-1]] == [step[0] for step in steps]


def test_an_answer_knows_what_was_looked_up(script):
    model, asked = seeker(), [[{"role": "user", "content": "q"}]]
    evidence = Evidence(TOKENIZER, [lambda query: "red"])
    script(written("? dax! it"))["it"] = evidence
    _, answers, texts, ended = answer(model, TOKENIZER, asked, CPU, evidence=evidence)
    message = {"role": "assistant", "search": "dax", "result": "red", "content": "it"}
    assert texts == ["it"] and ended == [True] and answering(texts[0]) == message
    ids, _ = TOKENIZER.render([*asked[0], message])  # what it wrote is what it is shown next time
    assert ids == [*TOKENIZER.prompt(asked[0])[0], *answers[0]]


def test_each_conversation_may_look_up_elsewhere(monkeypatch):
    """Rows are sorted by length; each keeps its own knowledge."""
    torch.manual_seed(0)
    model, drawn = seeker(), [0, ord("a"), RESULT]
    asked = [[{"role": "user", "content": "x" * n}] for n in (9, 2, 5)]
    lookups = [lambda query, i=i: f"line {i}" for i in range(3)]
    made = []

    def begun(tokenizer, rows, begin=False):
        made.append(Evidence(tokenizer, rows, begin=True))
        return made[-1]

    def pick(logits, *_):
        return torch.full((len(logits),), drawn.pop(0) if drawn else END)

    monkeypatch.setattr(sampling, "Evidence", begun)
    monkeypatch.setattr(sampling, "pick", pick)
    texts, _ = respond(model, TOKENIZER, asked, CPU, lookup=lookups, max_new_tokens=40)
    assert [text.evidence["result"] for text in texts] == ["line 0", "line 1", "line 2"]
    respond(model, TOKENIZER, asked, CPU, lookup=shout, max_new_tokens=4)
    assert made[-1].lookups == [shout] * 3


def test_without_knowledge_it_answers_without(monkeypatch):
    torch.manual_seed(0)
    model, asked = seeker(), [[{"role": "user", "content": "x"}]] * 9
    texts, _ = respond(model, TOKENIZER, asked, CPU, max_new_tokens=30)
    assert not any(text.evidence for text in texts)
    _, answers, _, _ = answer(model, TOKENIZER, asked, CPU, max_new_tokens=30)
    assert not any(SEARCH in ids for ids in answers)


def test_a_batch_marks_what_is_the_models_own():
    tokens, mask, last = lay_out([[1, 2], [3]], [[4, 5, 6], [7]], 0, own=[[1, 0, 1], [1]])
    assert tokens.tolist() == [[1, 2, 4, 5, 6], [3, 7, 0, 0, 0]]
    assert mask.tolist() == [[0, 1, 0, 1], [1, 0, 0, 0]] and last.tolist() == [4, 1]


def test_other_models_are_as_they_were():
    """A tokenizer without evidence: the same draws, and no Evidence is made."""
    plain = Tokenizer(TOKENIZER.vocab)
    model, asked = tiny(vocab_size=plain.n_vocab), [[{"role": "user", "content": "x"}]]
    assert isinstance(model, GPT)
    texts, _ = respond(model, plain, asked, CPU, seed=3)
    prompts = [plain.prompt(asked[0])[0]]
    ids = generate(model.eval(), prompts, 32, seed=3, stop=[plain.endoftext])[0]
    assert texts == [plain.decode(ids).strip()] and not texts[0].evidence
