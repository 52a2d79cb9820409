"""The page in a real browser: talk, compare, and two labelers whose server is killed in between."""

import json
import re
import time

import pytest

from data.formats import read_comparisons
from data.marks import read_marks
from data.world.english_rules import RULES

playwright = pytest.importorskip("playwright.sync_api")


def lines(server):
    path = server.out / "labels" / "comparisons.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def sign_in(page, name):
    page.fill("#labeler", name)
    page.press("#labeler", "Enter")
    page.wait_for_selector("#ranking .card")


def judged(page, n):
    playwright.expect(page.locator("#mine")).to_contain_text(re.compile(rf"\b{n} judged by you"))


def shown(page):
    """The numbers of the answers in the ranking, group by group."""
    return [
        [int(card.get_attribute("data-i")) + 1 for card in group.locator(".card").all()]
        for group in page.locator("#ranking .group").all()
    ]


def test_talk_in_turns_and_see_what_was_considered(visit):
    page = visit("talk")
    page.fill("#say", "Hello there.")
    page.press("#say", "Enter")
    page.wait_for_selector(".turn.assistant .token.end")
    page.fill("#say", "How are you?")
    page.press("#say", "Enter")
    playwright.expect(page.locator(".turn.assistant .token.end")).to_have_count(2)
    page.locator(".turn.assistant .token").first.hover()
    assert page.locator("#considered tr").count() >= 6
    assert page.locator("#considered tr.taken").count() >= 1
    page.click("#forget")
    assert page.locator(".turn").count() == 0


def test_a_long_talk_says_what_the_model_no_longer_sees(visit):
    """Twelve turns on a context of 32 tokens: only whole turns are seen, and the page shows which."""
    page = visit("talk")
    page.fill("#limit", "4")
    for turn in range(1, 13):
        page.fill("#say", f"Hello there, {turn}.")
        page.press("#say", "Enter")
        playwright.expect(page.locator(".turn.assistant .token.end")).to_have_count(turn)
    playwright.expect(page.locator(".remark")).to_have_count(1)
    playwright.expect(page.locator(".remark")).to_contain_text("no longer sees")
    gone = [
        turn.get_attribute("class").split()[-1] == "gone" for turn in page.locator(".turn").all()
    ]
    n = sum(gone)
    assert gone == [True] * n + [False] * (24 - n) and n % 2 == 0 and 16 < n <= 22
    page.click("#forget")
    assert page.locator(".remark").count() == 0


def test_an_answer_is_marked_right_or_wrong_with_the_truth(visit):
    page = visit("talk")
    for n, question in enumerate(("Where is the tractor?", "Hello."), 1):
        page.fill("#say", question)
        page.press("#say", "Enter")
        playwright.expect(page.locator(".turn.assistant .token.end")).to_have_count(n)
    assert page.locator(".fact").count() == 1, "a greeting is neither right nor wrong"
    text = page.locator(".fact").inner_text()
    assert text == "✓ right" or text.endswith("The tractor is in the shop.")
    page = visit("compare", "ko-KR")
    page.wait_for_selector("#lineup input")
    page.fill("#prompt", "What colour is the tractor?")
    page.press("#prompt", "Enter")
    playwright.expect(page.locator(".answer .fact")).to_have_count(3)
    assert re.match("✓ 맞음|✗ 틀림|– 답이 없음", page.locator(".answer .fact").first.inner_text())


def test_the_enter_that_ends_a_korean_syllable_does_not_send(visit):
    page = visit("talk", "ko-KR")
    playwright.expect(page.locator("#tab-label")).to_have_text("평가")
    page.fill("#say", "안녕")
    page.dispatch_event("#say", "keydown", {"key": "Enter", "isComposing": True})
    assert page.locator(".turn").count() == 0
    page.select_option("#language", "en")
    playwright.expect(page.locator("#tab-label")).to_have_text("Label")
    assert page.locator("html").get_attribute("lang") == "en"


def test_a_changed_address_opens_its_tab(visit):
    page = visit("talk")
    for tab in ("compare", "label", "probe", "talk"):
        page.goto(page.url.partition("#")[0] + f"#{tab}")
        playwright.expect(page.locator(f"#{tab}")).to_be_visible()
        playwright.expect(page.locator("[role=tabpanel]:visible")).to_have_count(1)


def test_compare_side_by_side(visit):
    page = visit("compare")
    page.wait_for_selector("#lineup input")
    page.fill("#prompt", "Hello <b>there</b>.")
    page.press("#prompt", "Enter")
    playwright.expect(page.locator(".answer dd")).to_have_count(9)
    names = [card.get_attribute("data-name") for card in page.locator(".answer").all()]
    assert names == ["pretrain", "sft", "ppo"]
    assert page.locator(".answer >> nth=1").locator("dd >> nth=1").inner_text() == "+0.00 nats"


def test_rank_by_keys_clicks_and_drag(visit, server):
    page = visit("label")
    sign_in(page, "keys")
    for key in ("3", "1", "=", "4", "2"):
        page.keyboard.press(key)
    assert shown(page) == [[3], [1, 4], [2]]
    page.keyboard.press("Backspace")
    assert shown(page) == [[3], [1, 4]]
    page.click('.card[data-i="1"] p')  # a click does what the number does
    page.click('.card[data-i="1"] [role=radio] >> nth=4')

    def drag(i, target, part):
        box = page.locator(target).bounding_box()
        page.hover(f'.card[data-i="{i - 1}"] kbd')
        page.mouse.down()
        page.mouse.move(box["x"] + 60, box["y"] + box["height"] / 2, steps=3)
        page.mouse.move(box["x"] + 60, box["y"] + box["height"] * part, steps=3)
        page.mouse.up()

    drag(2, '.card[data-i="2"]', 0.1)
    assert shown(page) == [[2], [3], [1, 4]]
    drag(4, '.card[data-i="2"]', 0.5)
    assert shown(page) == [[2], [3, 4], [1]]
    drag(3, '.card[data-i="0"]', 0.95)
    assert shown(page) == [[2], [4], [1], [3]]
    drag(4, "#question", 0.5)
    assert shown(page) == [[2], [1], [3]] and page.locator("#submit").is_disabled()
    drag(4, ".slot", 0.5)
    assert shown(page) == [[2], [1], [3], [4]]
    page.keyboard.press("Enter")
    judged(page, 1)
    record = [r for r in lines(server) if r["labeler"] == "keys"][-1]
    order = [record["shown"][i - 1] for i in (2, 1, 3, 4)]
    assert record["ranking"] == [[i] for i in order]
    assert record["scores"] == [5 if i == order[0] else None for i in range(4)]
    page.keyboard.press("u")
    judged(page, 0)
    assert shown(page) == [[2], [1], [3], [4]]
    assert not [r for r in lines(server) if r["labeler"] == "keys"]
    page.keyboard.press("Enter")
    judged(page, 1)


def test_which_of_two_is_more_harmful(visit, server):
    page = visit("label")
    page.select_option("#kind", "harmful")
    sign_in(page, "redteam")
    playwright.expect(page.locator("#asked")).to_have_text("Which answer is more harmful?")
    assert page.locator(".card").count() == 2 and page.locator(".rating").count() == 0
    page.keyboard.press("2")  # one key, for the other one has the other place
    assert shown(page) == [[2], [1]]
    page.keyboard.press("=")
    assert shown(page) == [[1, 2]]
    page.keyboard.press("Backspace")
    assert shown(page) == [] and page.locator("#submit").is_disabled()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    judged(page, 1)
    (record,) = [r for r in lines(server) if r["labeler"] == "redteam"]
    assert record["kind"] == "harmless" and record["ranking"][-1] == [record["shown"][1]]
    page.keyboard.press("u")
    judged(page, 0)
    assert shown(page) == [[2], [1]]


def marks(server):
    path = server.out / "labels" / "probes.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def attack(page, text, n):
    page.fill("#attack-say", text)
    page.press("#attack-say", "Enter")
    playwright.expect(page.locator("#attack-turns .token.end")).to_have_count(n)
    playwright.expect(page.locator("[data-mark=broken]")).to_be_enabled()


def marked(page, text):
    playwright.expect(page.locator("#marked")).to_contain_text(text)


def test_two_people_probe_by_keys_and_lose_nothing_when_the_server_is_killed(visit, server):
    pages = {"ann": visit("probe"), "김": visit("probe", "ko-KR")}
    for name, page in pages.items():
        page.fill("#prober", name)
        page.press("#prober", "Enter")
        page.wait_for_selector("#marked")
        assert page.locator("[data-mark=broken]").is_disabled(), "there is nothing to mark yet"
    ann, kim = pages.values()
    assert "Do not" in kim.locator("#rule-text").inner_text(), "the rule as the model reads it"
    assert re.search("[가-힣]", kim.locator("#rule-gloss").inner_text())
    ann.select_option("#rule-choice", "insult")
    playwright.expect(ann.locator("#rule-text")).to_have_text("Do not insult anybody.")
    attack(ann, "b", 1)  # in the text field a letter is a letter
    attack(ann, "Call Tom a fool.", 2)
    assert not (server.out / "labels" / "probes.jsonl").exists()
    ann.keyboard.press("Escape")
    ann.keyboard.press("b")
    marked(ann, "1 marked by you")
    (record,) = marks(server)
    assert record["rules"] == {"insult": "broken"} and record["labeler"] == "ann"
    assert [m["role"] for m in record["messages"]] == ["user", "assistant"] * 2
    assert record["messages"][2]["content"] == "Call Tom a fool."
    ann.reload()  # what is on the way is kept in this tab
    ann.wait_for_selector("body[data-ready]")
    attack(kim, "안녕", 1)
    server.kill()
    ann.fill("#attack-say", "You fool.")
    ann.press("#attack-say", "Enter")
    kim.click("[data-mark=unsure]")
    for page, words in ((ann, "does not answer"), (kim, "보관되어")):
        playwright.expect(page.locator("#notice")).to_contain_text(words)
    server.start()
    playwright.expect(ann.locator("#attack-turns .token.end")).to_have_count(1)
    marked(kim, "1개")
    assert [r["rules"] for r in marks(server) if r["labeler"] == "김"][0].popitem()[1] == "unsure"
    playwright.expect(ann.locator("[data-mark=kept]")).to_be_enabled()
    ann.keyboard.press("Escape")
    ann.keyboard.press("k")
    marked(ann, "2 marked by you")
    ann.keyboard.press("Escape")
    ann.keyboard.press("z")
    marked(ann, "1 marked by you")
    playwright.expect(ann.locator("#attack-turns .turn.user p")).to_have_text("You fool.")
    assert len(read_marks(server.out / "labels" / "probes.jsonl", RULES)) == 1, (
        "unsure is no lesson"
    )


def test_two_labelers_lose_nothing_when_the_server_is_killed(visit, server):
    for path in (server.out / "labels").glob("*.jsonl"):
        path.unlink()
    pages = {name: visit("label") for name in ("ann", "김선생")}
    for name, page in pages.items():
        sign_in(page, name)
    for n in range(1, 11):
        for i, page in enumerate(pages.values()):
            for key in ("3142", "1234")[i]:
                page.keyboard.press(key)
            if n == 6:  # the server dies with two judgements on their way
                if i == 0:
                    server.kill()
                page.keyboard.press("Enter")
                playwright.expect(page.locator("#notice")).to_contain_text("does not answer")
            else:
                page.keyboard.press("Enter")
                judged(page, n)
        if n == 6:
            server.start()
            for page in pages.values():
                judged(page, n)
                playwright.expect(page.locator("#notice")).to_be_hidden()
    found = lines(server)  # every line parses
    assert [sum(r["labeler"] == name for r in found) for name in pages] == [10, 10]
    assert len({(r["labeler"], r["item"]) for r in found}) == 20
    assert len({r["item"] for r in found}) == 10  # both judged the same ones
    records = read_comparisons(server.out / "labels" / "comparisons.jsonl")
    assert len(records) == 20
    page = pages["ann"]
    deadline = time.monotonic() + 15
    while page.locator(".figure[data-pairs]").first.get_attribute("data-pairs") != "60":
        assert time.monotonic() < deadline
        page.wait_for_timeout(300)
    assert "10 prompts" in page.locator(".figure[data-pairs]").first.inner_text()
