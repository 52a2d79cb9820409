"""The page's calls: what they answer, and everything that is turned away."""

import functools
import json
import os
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from data.formats import read_comparisons
from data.marks import read_marks, read_rules
from data.world.english_rules import RULES as WORLD_RULES
from data.world.korean_rules import RULES as KOREAN_RULES
from desk.labelling import Desk
from desk.shelf import Shelf
from desk.words import REFUSALS
from plumbing.errors import BadInput
from plumbing.machine import Machine
from tests.tiny_out import TOKENIZER, fill, write

pytest.importorskip("fastapi")
testclient = pytest.importorskip("starlette.testclient")
server = pytest.importorskip("desk.server")

FILES = ["", *(path.name for path in server.PAGE.iterdir())]
HERE = "http://127.0.0.1:8000"
ASK = {"checkpoint": "sft", "messages": [{"role": "user", "content": "Hello"}], "limit": 8}
COMPARE = {
    "checkpoints": ["pretrain", "sft", "ppo"],
    "prompt": "Hello",
    "limit": 8,
    "reward": "reward",
    "reference": "sft",
}
CPU = Machine("cpu", torch.float32)
RULES = {"a": ["Say no a.", "No a."], "b": ["Say no b."]}


def start(out, token="", stages=("pretrain", "sft", "reward", "ppo")):
    """A client of a page over a folder of checkpoints, to be used in a with statement."""
    shelf = Shelf(fill(out, stages), CPU)

    def open_desk(kind):
        return Desk(shelf, shelf.get("sft"), limit=9, kind=kind)

    app = server.application(shelf, open_desk, lambda world: RULES, {"temperature": 0.8}, token)
    return testclient.TestClient(app, base_url=HERE, raise_server_exceptions=False)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def client(out):
    """The page that most tests share."""
    with start(out) as client:
        yield client


@pytest.fixture
def fresh(tmp_path):
    """A page of its own, for a test that counts what is in its folder."""
    with start(tmp_path, stages=["sft"]) as client:
        yield client


@pytest.fixture
def log(client, out):
    """The lines that this test adds to the log of the shared page."""
    path = out / "labels" / "server.log"
    before = path.read_text(encoding="utf-8").count("\n")
    return lambda: path.read_text(encoding="utf-8").splitlines()[before:]


def events(reply):
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


# --- what it serves ----------------------------------------------------------------------------


def test_the_page_and_its_files_ask_for_nothing_from_elsewhere(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"style.css", "app.js"} <= {*files}
    for name in FILES:
        reply = client.get(f"/{name}")
        assert reply.status_code == 200 and len(reply.text.splitlines()) <= 400
        assert not re.search(r"https?://|//[a-z]+\.[a-z]", reply.text), name
        assert "default-src 'self'" in reply.headers["content-security-policy"]


def test_every_text_is_there_in_both_languages(client):
    source = client.get("/words.js").text
    table = re.search(r"const WORDS = (\{.*?\n\})", source, re.S)[1]
    pairs = json.loads(table, object_pairs_hook=list)
    words = dict(pairs)
    assert len(words) == len(pairs) > 60  # no key twice
    for english, korean in words.values():
        assert english and korean
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", korean))
    used = {
        key
        for name in FILES
        for key in re.findall(
            r"data-(?:t|placeholder|label)=\"(\w+)\"|\bt\('(\w+)'", client.get(f"/{name}").text
        )
        for key in key
        if key
    }
    assert used <= words.keys() and len(used) > 40
    for name, (first, *_) in WORLD_RULES.items():  # the page shows a rule as each world has it
        assert words[f"rule_{name}"] == [first, KOREAN_RULES[name][0]]


def test_what_the_server_may_refuse_in_the_ordinary_is_there_in_both_languages(client):
    """A refusal that is not in the table is shown in English on a Korean page."""
    sources = [path.read_text(encoding="utf-8") for path in server.PAGE.parent.glob("*.py")]
    said = re.findall(r'(?:Conflict\(|401, |500, |told\()"([^"]+)"', "".join(sources))
    assert set(said) == REFUSALS.keys() and len(said) == 8
    reply = client.post("/api/undo", json={"labeler": "nobody"}).json()
    assert reply["korean"] == REFUSALS[reply["error"]] and "no judgement" in reply["error"]


def test_rules_are_in_the_language_of_the_models_which_may_come_later(tmp_path):
    app = server.application(Shelf(tmp_path, CPU), None, functools.partial(read_rules, ""), {})
    with testclient.TestClient(app, base_url=HERE) as client:
        assert client.get("/api/state").json()["rules"]["insult"] == WORLD_RULES["insult"][0]
        write(tmp_path / "sft" / "ckpt.pt", "sft", data="world_ko")
        assert client.get("/api/state").json()["rules"]["insult"] == KOREAN_RULES["insult"][0]


def test_the_state_lists_what_there_is(client, out):
    (out / "bad").mkdir()
    (out / "bad" / "ckpt.pt").write_bytes(b"x")
    state = client.get("/api/state").json()
    assert {c["name"]: c.get("stage") for c in state["checkpoints"]} == {
        "bad": None,
        "ppo": "ppo",
        "pretrain": "pretrain",
        "reward": "reward",
        "sft": "sft",
    }
    assert state["lineup"] == ["pretrain", "sft", "ppo"] and len(state["examples"]) == 18
    assert (state["talk"], state["reward"], state["reference"]) == ("ppo", "reward", "sft")


def test_talk_streams_and_tells_what_was_considered(client):
    found = events(client.post("/api/talk", json={**ASK, "seed": 4}))
    *pieces, last = found
    assert pieces and "".join(p["text"] for p in pieces) in "".join(
        t["text"] for t in last["tokens"]
    )
    assert all(0 <= t["p"] <= 1 and len(t["top"]) == 6 for t in last["tokens"])
    assert events(client.post("/api/talk", json={**ASK, "seed": 4})) == found
    longer = [*ASK["messages"], {"role": "assistant", "content": "Hi"}, *ASK["messages"]]
    assert events(client.post("/api/talk", json={**ASK, "seed": 4, "messages": longer})) != found
    events(client.post("/api/talk", json={**ASK, "raw": True, "checkpoint": "pretrain"}))


def test_talk_takes_evidence_of_earlier_turns_and_both_halves_of_it(client):
    first, second = ({"role": "user", "content": text} for text in ("Hello", "Why?"))
    found = {"role": "assistant", "content": "Fine.", "search": "x", "result": "y"}
    ask = {**ASK, "messages": [first, found, second]}
    assert "tokens" in events(client.post("/api/talk", json=ask))[-1]  # it reads what was said
    del found["result"]
    reply = client.post("/api/talk", json=ask)
    assert reply.status_code == 400 and "come together" in reply.json()["error"]


def test_talk_says_when_the_model_no_longer_sees_the_first_turns(client):
    exchange = [*ASK["messages"], {"role": "assistant", "content": "It is yellow. " * 8}]
    found = events(client.post("/api/talk", json={**ASK, "messages": [*exchange * 9, exchange[0]]}))
    assert 0 < found[0]["forgotten"] < 19 and found[0]["forgotten"] % 2 == 0
    assert not any("forgotten" in event for event in events(client.post("/api/talk", json=ASK)))


def test_compare_gives_reward_and_kl(client):
    last = [e for e in events(client.post("/api/compare", json=COMPARE)) if "tokens" in e]
    assert [e["name"] for e in last] == ["pretrain", "sft", "ppo"] and last[1]["kl"] == 0
    assert all(isinstance(e[key], float) for e in last for key in ("reward", "kl"))


def test_an_answer_to_a_question_of_the_world_is_marked(client):
    where = [{"role": "user", "content": "wheres the tractor"}]
    fact = events(client.post("/api/talk", json={**ASK, "messages": where}))[-1]["fact"]
    assert fact["fact"] == "The tractor is in the shop."
    assert fact["verdict"] in ("right", "wrong", "none")
    assert events(client.post("/api/talk", json=ASK))[-1]["fact"] is None
    raw = {**ASK, "messages": where, "raw": True}
    assert events(client.post("/api/talk", json=raw))[-1]["fact"] is None
    found = events(client.post("/api/compare", json={**COMPARE, "prompt": "Where is the tractor?"}))
    assert [e["fact"]["fact"] for e in found if "tokens" in e] == [fact["fact"]] * 3


def test_compare_asks_several_samples(client):
    found = events(client.post("/api/compare", json={**COMPARE, "samples": 4}))
    last = [event for event in found if "answers" in event]
    assert [e["name"] for e in last] == ["pretrain", "sft", "ppo"]
    assert all(len(e["answers"]) == e["n"] == 4 for e in last)
    assert last[2]["reward"]["half"] > 0 and last[2]["rude"]["of"] == 4
    for wrong in (0, 21, "4"):
        reply = client.post("/api/compare", json={**COMPARE, "samples": wrong})
        assert reply.status_code == 422 and reply.json()["error"].startswith("samples: ")


def test_a_model_of_other_texts_is_not_asked_for_facts_of_the_world(tmp_path):
    write(tmp_path / "sft" / "ckpt.pt", "sft", data="mine.jsonl")
    with start(tmp_path, stages=[]) as client:
        where = [{"role": "user", "content": "Where is the tractor?"}]
        found = events(client.post("/api/talk", json={**ASK, "messages": where}))
    assert found[-1]["fact"] is None


def test_at_learned_positions_whole_turns_are_shown_too(tmp_path, monkeypatch):
    """A question of half the context and one before it: what is read is what `recent` chose."""
    write(tmp_path / "sft" / "ckpt.pt", "sft", pos="learned", block_size=64)
    shown = []
    speak = Shelf.speak

    def spy(self, loaded, ids, stop, limit, **settings):
        shown.append((ids, limit))
        return speak(self, loaded, ids, stop, limit, **settings)

    monkeypatch.setattr(Shelf, "speak", spy)
    with start(tmp_path, stages=[]) as client:
        turns = [*ASK["messages"], {"role": "assistant", "content": "I am fine."}] * 9
        body = {**ASK, "messages": [*turns, *ASK["messages"]], "limit": 60}
        first = events(client.post("/api/talk", json=body))[0]["forgotten"]
    (ids, limit), kept = shown[0], body["messages"][first:]
    assert ids == TOKENIZER.prompt(kept)[0] and 32 < len(ids) <= 48
    assert limit == 64 - len(ids)


# --- probe -------------------------------------------------------------------------------------

PROBE = {"labeler": "ann", "rule": "a", "mark": "broken", "checkpoint": "sft"}
PROBE |= {"messages": [*ASK["messages"], {"role": "assistant", "content": "a"}]}


def test_a_rule_is_drawn_or_chosen_and_a_mark_is_one_that_rules_py_reads(fresh, tmp_path):
    assert fresh.get("/api/state").json()["rules"] == {"a": "Say no a.", "b": "Say no b."}
    chosen = fresh.post("/api/probe", json={"labeler": "ann", "rule": "b"}).json()
    assert chosen["rule"] == "b" and chosen["progress"]["mine"] == 0
    for probe in (chosen["probe"], chosen["probe"]):  # sent twice, kept once
        reply = fresh.post("/api/mark", json={**PROBE, "rule": "b", "probe": probe})
        assert reply.status_code == 200 and reply.json()["progress"]["mine"] == 1
    drawn = fresh.post("/api/probe", json={"labeler": "ann"}).json()
    assert drawn["rule"] == "a" and drawn["probe"] != chosen["probe"], "a has fewer marks"
    passed = fresh.post("/api/probe", json={"labeler": "ann", "passed": ["a"]}).json()
    assert passed["rule"] == "b"
    (record,) = read_marks(tmp_path / "labels" / "probes.jsonl", RULES)
    assert record["messages"] == PROBE["messages"] and record["rules"] == {"b": "broken"}
    assert (record["labeler"], record["source"], record["model"]) == ("ann", "human", "sft")
    back = fresh.post("/api/unmark", json={"labeler": "ann"}).json()
    assert back["messages"] == PROBE["messages"] and back["probe"] == chosen["probe"]
    assert fresh.post("/api/marks", json={"labeler": "ann"}).json()["all"] == 0
    assert fresh.post("/api/unmark", json={"labeler": "ann"}).status_code == 409


@pytest.mark.parametrize(
    "change",
    [
        {"labeler": "a/b"},
        {"rule": "x"},
        {"mark": "fine"},
        {"probe": "../x"},
        {"probe": ""},
        {"messages": ASK["messages"]},
        {"messages": PROBE["messages"][::-1]},
        {"messages": PROBE["messages"] * 101},
    ],
)
def test_a_bad_mark_leaves_no_line(fresh, tmp_path, change):
    body = {**PROBE, "probe": "0123456789abcdef", **change}
    assert fresh.post("/api/mark", json=body).status_code in (400, 422)
    assert not (tmp_path / "labels" / "probes.jsonl").exists()
    assert fresh.post("/api/probe", json={"labeler": "ann", "rule": "x"}).status_code == 400


def test_many_people_mark_at_once(fresh, tmp_path):
    def work(n):
        for i in range(5):
            body = {**PROBE, "labeler": f"l{n}", "probe": f"{n:08x}{i:08x}"}
            assert fresh.post("/api/mark", json=body).status_code == 200

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    found = read_marks(tmp_path / "labels" / "probes.jsonl", RULES)
    assert len({(r["labeler"], r["probe"]) for r in found}) == len(found) == 30


# --- label -------------------------------------------------------------------------------------


def test_the_page_asks_one_question_too(fresh, tmp_path):
    item = fresh.post("/api/next", json={"labeler": "ann", "kind": "harmful"}).json()
    body = {"labeler": "ann", "item": item["item"], "ranking": [[0], [1]], "scores": [None, None]}
    assert len(item["responses"]) == 2
    assert fresh.post("/api/judge", json={**body, "kind": "harmless"}).status_code == 422
    assert fresh.post("/api/judge", json=body).status_code == 400  # of another question
    assert fresh.post("/api/judge", json={**body, "kind": "harmful"}).status_code == 200
    (record,) = read_comparisons(tmp_path / "labels" / "comparisons.jsonl")
    (worst,) = record["ranking"][-1]
    assert record["kind"] == "harmless" and record["responses"][worst] == item["responses"][0]


def judge_next(client, labeler):
    item = client.post("/api/next", json={"labeler": labeler}).json()
    body = {
        "labeler": labeler,
        "item": item["item"],
        "ranking": [[1], [0, 2], [3]],
        "scores": [None, 7, 1, None],
    }
    return body, client.post("/api/judge", json=body)


def test_a_label_and_its_undo(fresh, tmp_path):
    for labeler in ("ann", "bob"):
        body, reply = judge_next(fresh, labeler)
        assert reply.status_code == 200
    progress = reply.json()["progress"]
    assert progress["all"] == 2 and progress["mine"] == 1
    assert progress["agreement"]["pairs"] > 0 and progress["own"] == progress["agreement"]
    again = fresh.post("/api/undo", json={"labeler": "bob"}).json()
    assert (again["item"], again["ranking"], again["scores"]) == (
        body["item"],
        body["ranking"],
        body["scores"],
    )
    assert len(read_comparisons(tmp_path / "labels" / "comparisons.jsonl")) == 1
    assert fresh.post("/api/progress", json={"labeler": "bob"}).json()["mine"] == 0


def test_many_labelers_at_once(fresh, tmp_path):
    def work(n):
        return [judge_next(fresh, f"l{n}")[1].status_code for _ in range(4)]

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6)), []) == [200] * 24
    records = read_comparisons(tmp_path / "labels" / "comparisons.jsonl")
    assert len({(r["item"], r["labeler"]) for r in records}) == 24
    assert max(sum(r["item"] == s["item"] for s in records) for r in records) == 2


def test_without_a_tuned_model_it_says_what_to_do(tmp_path):
    with start(tmp_path, stages=["pretrain"]) as client:
        reply = client.post("/api/next", json={"labeler": "ann"})
        assert reply.status_code == 404 and "no checkpoint 'sft'" in reply.json()["error"]
        assert client.get("/api/state").json()["reward"] is None


# --- what it turns away ------------------------------------------------------------------------


BAD = {
    "checkpoint": [
        "../sft",
        "sft/ckpt.pt",
        "/etc/passwd",
        "none",
        "",
        "reward",
        "\0",
        3,
        None,
        ["sft"],
        "x" * 1000,
    ],
    "temperature": [-1, 99, "hot", None, True],
    "top_p": [1.1, -0.1],
    "top_k": [-1, 1.5, 10**9],
    "limit": [0, -5, 10**9, "all"],
    "seed": [-1, 2**64],
    "unknown": [1],
    "messages": [
        [],
        "Hello",
        [{"role": "system", "content": "x"}],
        [{"role": "user"}],
        [{"role": "assistant", "content": "x"}],
        [{"role": "user", "content": "x" * 20001}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
        [{"role": "user", "content": 7}],
    ],
}


@pytest.mark.parametrize(
    "key, value",
    [(k, v) for k, values in BAD.items() for v in values],
    ids=lambda x: re.sub(r"\W+", " ", str(x))[:30],
)
def test_a_bad_question_is_refused_with_a_reason_and_logged(client, log, key, value):
    reply = client.post("/api/talk", json={**ASK, key: value})
    assert reply.status_code in (400, 404, 422)
    assert reply.json().keys() == {"error"} and "\n" not in reply.json()["error"]
    assert f"{reply.status_code} POST '/api/talk' from" in log()[-1]


@pytest.mark.parametrize(
    "body, status",
    [
        (b"", 422),
        (b"{", 400),
        (b"[1]", 422),
        (b"\xff\xfe", 400),
        (b"null", 422),
        (b'{"labeler": "\\ud800"}', 422),
        (b'{"labeler": "a/b"}', 400),
        (b"[" * 60_000, 400),
        (b'{"labeler": NaN}', 422),
        (b" " * 70_000, 413),
    ],
)
def test_broken_bodies(client, log, body, status):
    reply = client.post("/api/next", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, len(log())) == (status, 1), reply.text


def test_half_a_surrogate_pair_is_refused_wherever_it_stands(client):
    for path, body in (
        ("talk", {**ASK, "checkpoint": "HALF"}),
        ("compare", {**COMPARE, "prompt": "HALF"}),
        ("compare", {**COMPARE, "checkpoints": ["HALF"]}),
        ("talk", {**ASK, "messages": [{"role": "user", "content": "HALF"}]}),
    ):
        reply = client.post(
            f"/api/{path}",
            content=json.dumps(body).replace("HALF", "\\ud800"),
            headers={"content-type": "application/json"},
        )
        assert reply.status_code == 422 and reply.json()["error"]


def test_a_body_without_a_length_is_cut_off(client):
    chunks = (b" " * 1024 for _ in range(80))
    reply = client.post("/api/next", content=chunks, headers={"content-type": "application/json"})
    assert reply.status_code == 413


@pytest.mark.parametrize(
    "change",
    [
        {"ranking": [[0], [1], [2]]},
        {"ranking": [[0], [1], [2], [2]]},
        {"ranking": [[0, 1, 2, -1]]},
        {"ranking": [[0, 1, 2, 4]]},
        {"ranking": "0123"},
        {"ranking": [[0.0], [1], [2], [3]]},
        {"scores": [8, 1, 1, 1]},
        {"scores": [0, 1, 1, 1]},
        {"scores": [1]},
        {"scores": [True] * 4},
        {"item": "../../x"},
        {"item": ""},
        {"labeler": "a/b"},
        {"labeler": ""},
    ],
)
def test_a_bad_judgement_leaves_no_line(fresh, tmp_path, change):
    item = fresh.post("/api/next", json={"labeler": "ann"}).json()["item"]
    good = {"labeler": "ann", "item": item, "ranking": [[0], [1], [2], [3]], "scores": None}
    assert fresh.post("/api/judge", json={**good, **change}).status_code in (400, 422)
    assert not (tmp_path / "labels" / "comparisons.jsonl").exists()
    assert fresh.post("/api/judge", json=good).status_code == 200
    assert fresh.post("/api/judge", json={**good, "ranking": [[0, 1, 2, 3]]}).status_code == 409


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:8000"},
        {"host": "[::1"},
        {"host": ""},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(client, log, headers):
    for path in ("/api/next", "/api/judge", "/api/talk"):
        reply = client.post(path, json={"labeler": "ann"}, headers=headers)
        assert reply.status_code == 403, path
    assert client.get("/api/state", headers=headers).status_code == 403
    assert len(log()) == 4


def test_the_own_page_is_let_in(client):
    for host in ("127.0.0.1:8000", "localhost:8000", "[::1]:8000"):
        reply = client.post(
            "/api/progress",
            json={"labeler": "ann"},
            headers={"host": host, "origin": f"http://{host}", "sec-fetch-site": "same-origin"},
        )
        assert reply.status_code == 200


def test_a_form_of_another_page_cannot_post(client):
    for kind in ("application/x-www-form-urlencoded", "text/plain", ""):
        reply = client.post(
            "/api/next", content=b'{"labeler": "ann"}', headers={"content-type": kind}
        )
        assert reply.status_code == 415


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/server.py",
        "/../chat.py",
        "/%2e%2e/chat.py",
        "/api/none",
        "/docs",
        "/openapi.json",
        "/index.html/x",
        "/..%2fcommon.py",
        "/%00",
    ],
)
def test_nothing_else_is_served(client, log, path):
    assert client.get(path).status_code == 404 and len(log()) == 1
    assert client.get("/api/talk").status_code in (404, 405)


def test_with_a_token_nothing_is_served_without_it(tmp_path):
    with start(tmp_path, "right", ["sft"]) as client:
        for reply in (
            client.get("/"),
            client.get("/app.js"),
            client.get("/?token=wrong"),
            client.get("/api/state?token=right"),
            client.get("/", headers={"cookie": "token8000=wro"}),
            client.post("/api/next", json={"labeler": "a"}),
        ):
            assert reply.status_code == 401 and "open the address, with its token" in reply.text
            api = str(reply.request.url.path).startswith("/api/")
            assert ('"error":' in reply.text) == api
            assert "서버의 터미널에 나온 주소를 토큰까지 그대로" in reply.text
        log = (tmp_path / "labels" / "server.log").read_text(encoding="utf-8")
        assert log.count("\n") == 6 and "right" not in log
        cookie = client.get("/?token=right", follow_redirects=False).headers["set-cookie"]
        name = re.match(r"(token\d+)=right; HttpOnly; SameSite=Strict", cookie)[1]
        assert client.get("/").status_code == 200
        assert client.post("/api/next", json={"labeler": "a"}).status_code == 200
        evil = {"origin": "http://evil.example", "cookie": f"{name}=right"}
        assert client.post("/api/next", json={"labeler": "a"}, headers=evil).status_code == 403


def test_an_accident_is_a_500_that_the_log_explains(client, log, monkeypatch):
    monkeypatch.setattr(Shelf, "list", lambda self: 1 / 0)
    reply = client.get("/api/state")
    assert reply.status_code == 500 and "ZeroDivisionError" in "\n".join(log())
    assert "division" not in reply.text


def test_an_answer_that_breaks_off_says_so(client, log, monkeypatch):
    monkeypatch.setattr(Shelf, "considered", lambda *_: 1 / 0)
    last = events(client.post("/api/talk", json=ASK))[-1]
    assert "broke off" in last["error"] and last["korean"] == REFUSALS[last["error"]]
    assert "ZeroDivisionError" in "\n".join(log())


# --- the address -------------------------------------------------------------------------------


def test_an_address_that_is_taken_or_elsewhere(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BadInput, match=f"--port={port}: .*--port=0 takes a free port"):
            server.listen("127.0.0.1", port)
    for host, port in (("192.0.2.77", 0), ("no such host", 0), ("127.0.0.1", 70000)):
        with pytest.raises(BadInput, match=f"--host={host} --port={port}: "):
            server.listen(host, port)


@pytest.mark.parametrize(
    "host, private", [("127.0.0.1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_a_token_is_printed_only_for_the_network(host, private, tmp_path, capsys, monkeypatch):
    made = {}

    class Server:
        def __init__(self, config):
            made["token"] = config.app.state.token
            assert config.http is server.Patience

        def run(self, sockets):
            sockets[0].close()

    monkeypatch.setattr(server.uvicorn, "Server", Server)
    server.serve(Shelf(tmp_path, CPU), None, lambda world: RULES, host, 0, {})
    first = capsys.readouterr().out.splitlines()[0]
    assert bool(made["token"]) != private and ("?token=" in first) != private
    assert private or first.endswith(made["token"]) and len(made["token"]) >= 20
    server.serve(Shelf(tmp_path, CPU), None, lambda world: RULES, host, 0, {})
    again = capsys.readouterr().out.splitlines()[0]
    assert again.partition("?")[2] == first.partition("?")[2], "whoever was in stays in"
    assert (tmp_path / "labels" / "token").exists() != private


@pytest.mark.parametrize("damage", [b"", b"short\n", b"a b" * 9, b"\xff" * 30])
def test_a_damaged_token_is_replaced_by_a_new_one(damage, tmp_path):
    path = tmp_path / "labels" / "token"
    token = server.kept_token(path)
    path.write_bytes(damage)
    other = server.kept_token(path)
    assert other != token and len(other) >= 20 and server.kept_token(path) == other
    assert os.name == "nt" or path.stat().st_mode & 0o077 == 0, "nobody else may read it"


# --- half a request ------------------------------------------------------------------------------


@pytest.fixture
def port(tmp_path, monkeypatch):
    """A page that waits for half a second, served in a thread."""
    monkeypatch.setattr("desk.patience.SECONDS", 0.5)
    shelf = Shelf(fill(tmp_path, ["sft"]), CPU)
    app = server.application(
        shelf,
        lambda kind: Desk(shelf, shelf.get("sft"), limit=9, kind=kind),
        lambda world: RULES,
        {},
    )
    listener = server.listen("127.0.0.1", 0)
    config = server.uvicorn.Config(app, log_level="critical", http=server.Patience)
    served = server.uvicorn.Server(config)
    thread = threading.Thread(target=served.run, args=([listener],))
    thread.start()
    yield listener.getsockname()[1]
    served.should_exit = True
    thread.join()


HEAD = b"POST /api/next HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
BODY = b'{"labeler": "ann"}'
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)


@pytest.mark.parametrize(
    "sent", [b"", b"POST", HEAD, HEAD + LENGTH, HEAD + LENGTH + BODY[:9]], ids=len
)
def test_half_a_request_does_not_stay_open(port, sent):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as half:
        half.sendall(sent)
        while half.recv(4096):  # a refusal, perhaps, and then the end
            pass


def test_a_slow_answer_is_not_cut_and_the_next_request_is_limited_too(port, monkeypatch):
    progress = Desk.progress
    monkeypatch.setattr(Desk, "progress", lambda *a: time.sleep(1) or progress(*a))
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(HEAD + LENGTH + BODY)
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")
        slow.sendall(HEAD)
        while slow.recv(4096):
            pass
