"""The tokenizer against a naive byte-pair encoder, masks by hand, and texts of every script."""

import collections
import runpy
import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import tokenizer as module
from insertion import Answer, answering
from tokenizer import (
    ASSISTANT,
    ENDOFTEXT,
    PAD,
    PATTERN,
    RESULT,
    SEARCH,
    USER,
    Reader,
    StreamDecoder,
    Tokenizer,
    led,
    train_bpe,
    transcript,
)

SAMPLE = (
    "The tractor is red. The tractor's wheels are round, and the tractor is old!\n"
    "What colour is the tractor? It is red. 감사합니다 감사합니다, 안녕하세요 안녕하세요 😀😀 12 12"
)
TOKENIZER = Tokenizer.train(SAMPLE * 3, 400)
# Text as it may come: any code point, and more often than chance the awkward ones.
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab 한é😀\n\ufffd"))
)
USER_ASKS = {"role": "user", "content": "What colour is the tractor?"}
BOT_SAYS = {"role": "assistant", "content": "It is red."}


def naive_bpe(text, vocab_size):
    """BPE by its definition: recount every pair of every word before each merge; of equally frequent
    pairs the one with the smaller ids wins."""
    vocab = [bytes([b]) for b in range(256)]
    found = regex.findall(PATTERN, unicodedata.normalize("NFC", text))
    pieces = [w[i : i + 32] for w in found for i in range(0, len(w), 32)]
    words = [list(w.encode()) for w in pieces]
    while len(vocab) < vocab_size:
        counts = {}
        for word in words:
            for pair in zip(word, word[1:]):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts or max(counts.values()) < 2:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        words = [naive_merge(word, best, len(vocab)) for word in words]
        vocab.append(vocab[best[0]] + vocab[best[1]])
    return vocab


def naive_merge(word, pair, new):
    out = []
    while word:
        hit = tuple(word[:2]) == pair
        out, word = out + [new if hit else word[0]], word[2 if hit else 1 :]
    return out


# --- training ----------------------------------------------------------------------------------


def test_train_bpe_by_hand():
    # aaabdaaabac holds "aa" 4 times, then Z=aa: ZabdZabac, "ab" and "Za" twice each; Z is id 256 and a is
    # 97, so the pair of the smaller ids (a, b) wins; Y=ab: ZYdZYac, "ZY" twice; X=ZY: XdXac, no pair twice.
    assert train_bpe("aaabdaaabac", 300)[256:] == [b"aa", b"ab", b"aaab"]
    assert train_bpe("aaabdaaabac", 257)[256:] == [b"aa"]


def test_train_bpe_starts_from_all_bytes():
    assert train_bpe("", 300) == [bytes([b]) for b in range(256)]
    assert train_bpe("aaaa", 0) == [bytes([b]) for b in range(256)]


def test_steps_on_the_way_to_a_word_get_no_token():
    text = " dolphin dolphins a dog do" * 50
    steps = train_bpe(text, 264)[256:]
    assert b" dolp" in steps and b" dolphin" in steps  # the first never stands by itself
    for size in (258, 260, 264):
        tokenizer = Tokenizer(train_bpe(text, size, rare=50_000))
        ids = tokenizer.encode(text)
        assert {*range(256, len(tokenizer.vocab))} <= {*ids}, "each is met"
        assert len(tokenizer.vocab) <= size and tokenizer.decode(ids) == text
    assert tokenizer.vocab[256:] == [b" do", b" dolphin", b" a", b" dog", b" dolphins"]
    assert len(tokenizer.encode(" dolphin")) == 1, "a word is a token, though no merge makes it"
    assert {*tokenizer.encode(" dolphi")} <= {*range(256), *ids}, "of a new word all is known"
    # What is fewer than one in so many is a step too.
    few = text + " xyz xyz"
    assert b" xyz" in train_bpe(few, 300, rare=900)
    assert b" xyz" not in train_bpe(few, 300, rare=20)


@given(st.text("ab ", max_size=60), st.integers(256, 300))
def test_train_bpe_equals_the_naive_one_on_few_letters(text, size):
    assert train_bpe(text, size) == naive_bpe(text, size)


@given(st.lists(TEXT, max_size=6), st.integers(1, 3), st.integers(256, 320))
def test_train_bpe_equals_the_naive_one_on_any_text(texts, times, size):
    text = " ".join(texts * times)
    assert train_bpe(text, size) == naive_bpe(text, size)


def test_train_bpe_equals_the_naive_one_on_prose():
    assert train_bpe(SAMPLE * 3, 400) == naive_bpe(SAMPLE * 3, 400)


def test_characters_get_tokens_before_words_by_hand():
    """가 is ea b0 80 and comes five times, four of them behind a blank; 나 is eb 82 98 and comes
    twice. Each pair within 가 comes as often: the smaller ids win."""
    text = "가나 가나 가 가 가"
    ga, na = "가".encode(), "나".encode()
    assert train_bpe(text, 258, 2)[256:] == [ga[1:], ga]
    assert train_bpe(text, 260, 2)[256:] == [ga[1:], ga, na[1:], na]
    assert train_bpe(text, 300, 2)[260:] == [b" " + ga], "then words, as ever"
    # 나 comes too seldom to be one of the first, and its bytes join no neighbour.
    assert train_bpe(text, 300, 3)[256:] == [ga[1:], ga, b" " + ga]


@given(st.lists(TEXT, max_size=6), st.integers(2, 4))
def test_a_character_that_is_a_token_is_never_cut(texts, fewest):
    text = " ".join(texts * 2)
    vocab = train_bpe(text, 2000, fewest)
    counts = collections.Counter(unicodedata.normalize("NFC", text))
    often = [c.encode() for c, n in counts.items() if n >= fewest and not "\ud800" <= c <= "\udfff"]
    assert set(often) <= set(vocab)
    for token in vocab[256:]:
        whole = token.decode(errors="ignore").encode() == token
        assert whole or all(0x80 <= byte < 0xC0 for byte in token[1:]), "parts of two characters"
    tokenizer = Tokenizer(vocab)
    for letter in often:
        for word in (b"a" + letter, letter + letter, letter + b"a"):
            for token in tokenizer.encode(word.decode()):
                vocab[token].decode()  # raises where a token ends within a character


def test_encoding_applies_the_merges_in_their_order():
    rank = {token: i for i, token in enumerate(TOKENIZER.vocab)}
    for text in regex.findall(PATTERN, SAMPLE):
        parts = [bytes([b]) for b in text.encode()]
        if text.encode() in rank:  # a word that is a token is found without them
            parts = [text.encode()]
        while joins := [
            (rank[a + b], i) for i, (a, b) in enumerate(zip(parts, parts[1:])) if a + b in rank
        ]:
            i = min(joins)[1]
            parts[i : i + 2] = [parts[i] + parts[i + 1]]
        assert TOKENIZER.encode(text) == [rank[part] for part in parts]


def test_train_leaves_room_for_the_specials():
    tokenizer = Tokenizer.train("abcdefgh" * 2000 + SAMPLE, 300)
    size = len(tokenizer.vocab)
    assert 256 < size < tokenizer.n_vocab == size + 4 <= 300
    specials = [tokenizer.endoftext, tokenizer.user, tokenizer.assistant, tokenizer.pad]
    assert specials == [size, size + 1, size + 2, size + 3]


def test_a_lone_surrogate_in_the_training_text_is_survived():
    # JSON can hold "\ud800", which is no character and has no UTF-8.
    tokenizer = Tokenizer.train("ab ab \ud800 ab", 262)
    assert b"ab" in tokenizer.vocab and tokenizer.decode(tokenizer.encode("\ud800")) == "\ufffd"


# --- encoding ----------------------------------------------------------------------------------


@given(TEXT)
def test_round_trip_of_any_text(text):
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == unicodedata.normalize("NFC", text)
    assert all(0 <= i < len(TOKENIZER.vocab) for i in ids)


@given(TEXT)
def test_with_lead_a_first_word_is_read_as_one_within_a_sentence(text):
    """Only what begins with a letter or a digit gets the blank; a decoded text keeps it."""
    tokenizer = Tokenizer(TOKENIZER.vocab, lead=True)
    known = unicodedata.normalize("NFC", text)
    blank = " " if known[:1].isalnum() else ""
    assert tokenizer.encode(text) == TOKENIZER.encode(blank + text)
    assert tokenizer.encode_documents([text, text])[:-1] == [
        *tokenizer.encode(text),
        tokenizer.endoftext,
        *tokenizer.encode(text),
    ]
    assert tokenizer.encode(text, begins=False) == TOKENIZER.encode(text), "it goes on from another"
    assert tokenizer.decode(tokenizer.encode(text)) == blank + known
    for copy in (Tokenizer.from_json(tokenizer.to_json()), tokenizer.with_evidence()):
        assert copy.lead and copy.encode(text) == tokenizer.encode(text)


def test_an_answer_has_no_blank_before_it():
    for tokenizer in (TOKENIZER, Tokenizer(TOKENIZER.vocab, lead=True)):
        ids, _ = tokenizer.render([{"role": "assistant", "content": "The red"}])
        assert ids[1:-1] == TOKENIZER.encode(" The red")
        assert tokenizer.read(ids[1:])["content"] == "The red"


def test_every_byte_is_a_token():
    assert sorted(TOKENIZER.vocab[:256]) == [bytes([b]) for b in range(256)]
    assert TOKENIZER.decode_bytes(range(256)) == bytes(range(256))


def test_composed_and_decomposed_hangul_are_the_same():
    composed, parts = "한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"
    assert composed != parts and TOKENIZER.encode(parts) == TOKENIZER.encode(composed)
    assert TOKENIZER.encode_documents([parts])[:-1] == TOKENIZER.encode(composed)
    assert train_bpe(parts * 2, 300) == train_bpe(composed * 2, 300)


@pytest.mark.parametrize("special", [ENDOFTEXT, USER, ASSISTANT, PAD])
def test_typed_specials_stay_text(special):
    text = f"a {special}{special} b"
    for ids in (TOKENIZER.encode(text), TOKENIZER.encode_documents([text])[:-1]):
        assert max(ids) < len(TOKENIZER.vocab) and TOKENIZER.decode(ids) == text
    ids, _ = TOKENIZER.render([{"role": "user", "content": text}])
    assert [i for i in ids if i >= len(TOKENIZER.vocab)] == [TOKENIZER.user]


def test_encode_documents_ends_each_with_endoftext():
    e = TOKENIZER.endoftext
    expected = [*TOKENIZER.encode("The red"), e, e, *TOKENIZER.encode("감사"), e]
    assert TOKENIZER.encode_documents(["The red", "", "감사"]) == expected
    assert TOKENIZER.encode_documents([]) == []


def test_decode_leaves_out_specials_and_unused_ids():
    ids = [TOKENIZER.user, *TOKENIZER.encode("red"), TOKENIZER.pad, TOKENIZER.n_vocab + 9]
    assert TOKENIZER.decode(ids) == "red"


@pytest.mark.parametrize("n", [100_000])
def test_a_long_run_of_one_character_is_survived(n):
    for text in (" " * n, "a" * n, "한" * n, "\n" * n):
        assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


def test_json_round_trip():
    copy = Tokenizer.from_json(TOKENIZER.to_json())
    assert copy.vocab == TOKENIZER.vocab and copy.pattern == TOKENIZER.pattern
    assert copy.n_vocab == TOKENIZER.n_vocab and copy.pad == TOKENIZER.pad
    assert copy.encode(SAMPLE) == TOKENIZER.encode(SAMPLE)


def test_two_tokenizers_do_not_share_their_ranks(tmp_path):
    # Both read a file called vocab.bpe; the second must not get what was remembered of the first.
    found = []
    for folder, merges in (("a", "h e\nhe y\n"), ("b", "e y\nh ey\n")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "vocab.bpe"
        path.write_text("#version: 0.2\n" + merges, encoding="utf-8")
        found.append(Tokenizer.gpt2(path))
    first, second = found
    assert first.vocab[256:] == [b"he", b"hey"] and second.vocab[256:] == [b"ey", b"hey"]
    assert first.decode(first.encode("hex")) == "hex" and len(first.encode("hex")) == 2
    assert len(second.encode("hex")) == 3 and len(first.encode("eye")) == 3


@pytest.mark.parametrize("vocab", [[b"a"], [bytes([b]) for b in range(256)] + [b"a"]])
def test_an_impossible_vocabulary_is_refused(vocab):
    with pytest.raises(ValueError, match="256 bytes"):
        Tokenizer(vocab)


# --- the chat template -------------------------------------------------------------------------


def test_render_by_hand():
    t = Tokenizer.train(
        "", 260
    )  # one token per byte, specials 256 (end), 257 (user), 258 (assistant)
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo"},
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": ""},
    ]
    ids, mask = t.render(messages)
    blank = 32  # before a word and not before a sign
    assert ids == [257, blank, 72, 105, 258, blank, 89, 111, 256, 257, 63, 258, 256]
    assert mask == [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1]


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXT), max_size=6))
def test_each_answer_teaches_one_end(turns):
    ids, mask = TOKENIZER.render([{"role": r, "content": c} for r, c in turns])
    assert len(ids) == len(mask)
    ends = sum(1 for i, m in zip(ids, mask) if m and i == TOKENIZER.endoftext)
    assert (
        ends == sum(1 for role, _ in turns if role == "assistant") == ids.count(TOKENIZER.endoftext)
    )
    learned = [i for i, m in zip(ids, mask) if m]
    answers = [led(content) for role, content in turns if role == "assistant"]
    assert learned == TOKENIZER.encode_documents(answers)
    assert not any(m for i, m in zip(ids, mask) if i in (TOKENIZER.user, TOKENIZER.assistant))


def test_prompt_is_where_the_answer_begins():
    prompt, stop = TOKENIZER.prompt([USER_ASKS])
    full, mask = TOKENIZER.render([USER_ASKS, BOT_SAYS])
    assert full[: len(prompt)] == prompt and stop == [TOKENIZER.endoftext]
    assert mask == [0] * len(prompt) + [1] * (len(full) - len(prompt))


def test_transcript_for_a_base_model():
    assert transcript([USER_ASKS]) == "User: What colour is the tractor?\nBot:"
    assert transcript([USER_ASKS, BOT_SAYS]) == "User: What colour is the tractor?\nBot: It is red."
    ids, stop = TOKENIZER.prompt([USER_ASKS, BOT_SAYS, USER_ASKS], chat=False)
    assert ids[0] == TOKENIZER.endoftext
    assert TOKENIZER.decode(ids) == (
        "User: What colour is the tractor?\nBot: It is red.\n"
        "User: What colour is the tractor?\nBot:"
    )
    assert TOKENIZER.endoftext in stop
    assert {i for i in stop if i < len(TOKENIZER.vocab)} == {
        i for i, token in enumerate(TOKENIZER.vocab) if 10 in token
    }


# --- streaming ---------------------------------------------------------------------------------


def pieces(tokenizer, ids):
    decoder = StreamDecoder(tokenizer)
    return [*(decoder.feed(i) for i in ids), decoder.feed()]


def long_tokens():
    """A vocabulary whose tokens cut characters in awkward places, as a trained one may."""
    extra = [
        "a한".encode() + "글".encode()[:1],
        "글".encode()[1:] + b"b",
        b"\xff\xf0\x9f",
        b"abc\xe2",
        "é😀".encode()[:4],
        "😀".encode()[1:],
        b"\x82\xac",
        b"a\xffb\xe2",
    ]
    return Tokenizer([bytes([b]) for b in range(256)] + extra)


LONG = long_tokens()


@given(TEXT)
def test_stream_decoder_gives_the_text_of_any_characters(text):
    for tokenizer in (TOKENIZER, LONG):
        ids = tokenizer.encode(text)
        assert "".join(pieces(tokenizer, ids)) == tokenizer.decode(ids)


@given(st.text("한글😀é€ab", min_size=1))
def test_stream_decoder_emits_no_part_of_a_character(text):
    byte_ids = list(text.encode())
    for tokenizer, ids in (
        (LONG, byte_ids),
        (LONG, LONG.encode(text)),
        (TOKENIZER, TOKENIZER.encode(text)),
    ):
        assert not any("\ufffd" in piece for piece in pieces(tokenizer, ids))


@given(st.lists(st.one_of(st.integers(0, LONG.n_vocab - 1), st.integers(0x80, LONG.n_vocab - 1))))
def test_stream_decoder_equals_decode_on_any_ids(ids):
    assert "".join(pieces(LONG, ids)) == LONG.decode(ids)


def test_stream_decoder_holds_a_character_until_it_is_whole():
    a, b, c = "한".encode()
    assert pieces(LONG, [65, a, b, c, 66]) == ["A", "", "", "한", "B", ""]
    assert pieces(LONG, [a, b]) == ["", "", "\ufffd"]
    abc = LONG.vocab.index(b"abc\xe2")  # four bytes at once, of which the last begins a character
    assert pieces(LONG, [abc, 0x82, 0xAC]) == ["abc", "", "€", ""]


# --- GPT-2's vocabulary ------------------------------------------------------------------------


@pytest.fixture
def gpt2(shared):
    path = shared / "data" / "tokenizer" / "vocab.bpe"
    if not path.exists():
        pytest.skip("no vocab.bpe in the sample data")
    return Tokenizer.gpt2(path)


def test_gpt2_known_ids(gpt2):
    assert gpt2.encode("Hello world") == [15496, 995]
    assert gpt2.endoftext == 50256 and gpt2.n_vocab == 50260


def test_gpt2_tinyshakespeare_counts(gpt2, shared):
    path = shared / "data" / "pretrain" / "tinyshakespeare.txt"
    if not path.exists():
        pytest.skip("no tinyshakespeare.txt in the sample data")
    text = path.read_text(encoding="utf-8")
    n = int(0.9 * len(text))
    assert [len(gpt2.encode(text[:n])), len(gpt2.encode(text[n:]))] == [301_966, 36_059]


def test_the_module_shows_a_mask(capsys):
    runpy.run_path(module.__file__, run_name="__main__")
    out = capsys.readouterr().out
    # Two answers end; what a user types is no special token.
    assert out.count("\x1b[32m[<|endoftext|>]") == 2 == out.count("[<|endoftext|>]")
    assert "[<|user|>]" in out
    assert "\x1b[32m[<|user|>]" not in out and "\x1b[32m[<|assistant|>]" not in out


def test_an_answer_of_weight_0_is_read_and_not_learned():
    tokenizer = Tokenizer.train("what is red blue", 270)
    said = [
        {"role": "user", "content": "what"},
        {"role": "assistant", "content": "red", "weight": 0},
        {"role": "user", "content": "is"},
        {"role": "assistant", "content": "blue"},
    ]
    ids, mask = tokenizer.render(said)
    all_of_it, plain = tokenizer.render([{**m, "weight": 1} for m in said])
    assert ids == all_of_it and sum(plain) > sum(mask)
    learned = [token for token, learn in zip(ids, mask) if learn]
    assert learned == [*tokenizer.encode(" blue"), tokenizer.endoftext]


# --- evidence ------------------------------------------------------------------------------------

WITH = TOKENIZER.with_evidence()
LOOKED_UP = {
    "role": "assistant",
    "search": "tractor colour",
    "result": "The tractor is red.",
    "content": "It is red.",
}


def test_evidence_adds_two_tokens_behind_all_others_and_changes_nothing_else():
    assert (WITH.search, WITH.result) == (TOKENIZER.n_vocab, TOKENIZER.n_vocab + 1)
    assert WITH.n_vocab == TOKENIZER.n_vocab + 2 and WITH.vocab == TOKENIZER.vocab
    assert (TOKENIZER.search, TOKENIZER.result, TOKENIZER.evidence) == (None, None, False)
    asked = [USER_ASKS, BOT_SAYS]
    assert WITH.render(asked) == TOKENIZER.render(asked)
    assert "evidence" not in TOKENIZER.to_json()  # what an old checkpoint holds, to the letter
    for tokenizer in (TOKENIZER, WITH):
        again = Tokenizer.from_json(tokenizer.to_json())
        assert (again.n_vocab, again.search) == (tokenizer.n_vocab, tokenizer.search)


def test_the_inserted_line_is_not_learned():
    ids, mask = WITH.render([USER_ASKS, LOOKED_UP])
    query, line = WITH.encode(" tractor colour"), WITH.encode("The tractor is red.")
    said = WITH.encode(" It is red.")
    head = [WITH.user, *WITH.encode(" " + USER_ASKS["content"]), WITH.assistant]
    found = [WITH.search, *query, WITH.result, *line, WITH.newline]
    assert ids == [*head, *found, *said, WITH.endoftext]
    own = len(query) + 2  # <|search|>, the query and <|result|> are the model's own
    assert mask == [0] * len(head) + [1] * own + [0] * (len(line) + 1) + [1] * (len(said) + 1)
    assert WITH.encode("\n") == [WITH.newline]
    unlearned = WITH.render([USER_ASKS, {**LOOKED_UP, "weight": 0}])
    assert unlearned[0] == ids and not any(unlearned[1])


def test_what_is_looked_up_by_hand():
    query, line = WITH.encode(" tractor colour"), WITH.encode("The tractor is red.")
    ids, mask = WITH.looked_up(LOOKED_UP)
    assert ids == [WITH.search, *query, WITH.result, *line, WITH.newline]
    assert mask == [1] * (len(query) + 2) + [0] * (len(line) + 1)
    assert WITH.looked_up(BOT_SAYS) == ([], [])


def test_who_has_no_tokens_for_it_looks_nothing_up():
    with pytest.raises(ValueError, match="without tokens for it"):
        TOKENIZER.looked_up(LOOKED_UP)


def test_a_line_is_one_line():
    assert WITH.line("a\nb \n\n c\n") == [*WITH.encode("a b c"), WITH.newline]


def test_a_tokenizer_without_evidence_refuses_it():
    with pytest.raises(ValueError, match="without tokens for it"):
        TOKENIZER.render([USER_ASKS, LOOKED_UP])


@given(TEXT)
def test_nobody_types_a_special_token(text):
    written = f"{text}{SEARCH}{text}{RESULT}\n{ENDOFTEXT}"
    message = dict.fromkeys(("search", "result", "content"), written) | {"role": "assistant"}
    ids, _ = WITH.render([{"role": "user", "content": written}, message])
    special = [i for i in ids if i >= len(WITH.vocab)]
    assert special == [WITH.user, WITH.assistant, WITH.search, WITH.result, WITH.endoftext]


def test_what_was_written_is_read_back():
    for message in (LOOKED_UP, BOT_SAYS):
        ids, _ = WITH.render([USER_ASKS, message])
        assert WITH.read(ids[ids.index(WITH.assistant) + 1 :]) == message
    ids, _ = TOKENIZER.render([BOT_SAYS])
    assert TOKENIZER.read(ids[1:]) == BOT_SAYS


def test_a_query_without_a_line_is_no_part_of_the_message():
    ids = [WITH.search, *WITH.encode("tractor"), WITH.endoftext]
    assert WITH.read(ids) == {"role": "assistant", "content": ""}
    bare = [WITH.result, *WITH.encode("It is\nred.")]  # nothing was searched for: nothing is found
    assert WITH.read(bare) == {"role": "assistant", "content": "It is\nred."}


def test_of_one_answer_one_line_is_read():
    """A model that writes the tokens again invents a line: that is its own text, not evidence."""
    once = WITH.looked_up(LOOKED_UP)[0]
    invented = [WITH.search, *WITH.encode("x"), WITH.result, *WITH.encode("y"), WITH.newline]
    found = WITH.read([*once, *invented, *WITH.encode("z")])
    assert found == {**LOOKED_UP, "content": "xy\nz"}


def test_each_token_is_of_its_kind():
    reader = Reader(WITH)
    ids = [WITH.search, 65, WITH.newline, WITH.result, 66, WITH.newline, 67, WITH.newline]
    kinds = [None, "search", "search", None, "result", None, "content", "content"]
    assert [reader.feed(token) for token in ids] == kinds


def test_an_answer_carries_its_evidence():
    answer = Answer.of(LOOKED_UP)
    assert answer == "It is red." and answering(answer) == LOOKED_UP
    assert answering(Answer.of(BOT_SAYS)) == BOT_SAYS == answering("It is red.")
    assert type(answering(answer)["content"]) is str and not Answer.evidence
