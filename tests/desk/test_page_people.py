"""The page as people use it: it keeps what they wrote, says what is wrong where it is, and can be read
and worked without a pointer, at both sizes."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.desk.conftest import Server
from tests.desk.test_page import judged, shown, sign_in
from tests.tiny_out import fill

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}


def ask(page, text, n):
    """Ask in Talk, and wait for the n-th answer."""
    page.fill("#say", text)
    page.press("#say", "Enter")
    expect(page.locator("#conversation .token.end")).to_have_count(n)


def press_enter(page, field, **event):
    """Press Enter as an input method reports it."""
    event = {"key": "Enter", "bubbles": True, "cancelable": True, **event}
    page.eval_on_selector(
        field, "(e, event) => e.dispatchEvent(new KeyboardEvent('keydown', event))", event
    )


def turns(page):
    return page.locator("#conversation .turn p:not(.fact)").all_inner_texts()


# --- compare -----------------------------------------------------------------------------------


def test_compare_asks_several_times_and_again(visit):
    page = visit("compare", "ko-KR")
    page.fill("#samples", "21")
    page.fill("#prompt", "Where is the tractor?")
    page.press("#prompt", "Enter")
    expect(page.locator("#samples-wrong")).to_have_text("1부터 20까지의 정수를 입력하세요.")
    assert page.locator(".answer").count() == 0 and page.locator("#again").is_hidden()
    page.fill("#samples", "5")
    page.press("#prompt", "Enter")
    expect(page.locator(".answer .shares")).to_have_count(3)
    expect(page.locator("#truth")).to_have_text("사실: The tractor is in the shop.")
    for card in page.locator(".answer").all():
        rows = card.locator("dd").all_inner_texts()
        assert [re.match(r"5개 중 \d개 \(\d+–\d+%\)$", row) is not None for row in rows[:2]] == [
            True,
            True,
        ]
        assert re.fullmatch(r"[+−]\d+\.\d\d ± \d+\.\d\d", rows[2])
        assert sum(int(n[:-1]) for n in card.locator(".times").all_inner_texts()) == 5
    before = page.locator(".answer .said").all_inner_texts()
    page.fill("#prompt", "another one, not sent yet")
    page.click("#again")
    expect(page.locator("#again")).to_be_visible()
    expect(page.locator(".answer .shares")).to_have_count(3)
    assert page.locator(".answer .said").all_inner_texts() != before
    expect(page.locator("#truth")).to_contain_text("tractor")
    for box in page.locator("#lineup input").all():
        box.uncheck()
    page.press("#prompt", "Enter")
    expect(page.locator("#lineup-wrong")).to_contain_text("1개에서 6개까지")


# --- what is kept ------------------------------------------------------------------------------


def test_a_talk_outlives_a_reload_and_is_copied_asked_again_and_edited(visit):
    page = visit("talk")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    assert page.locator("#tools").is_hidden()
    ask(page, "Hello there.", 1)
    ask(page, "Where is the tractor?", 2)
    page.fill("#limit", "7")
    page.select_option("#checkpoint", "sft")
    page.fill("#say", "not sent yet")
    said, fact = turns(page), page.locator(".fact").inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert [text.rstrip("■…") for text in said] == turns(page)
    assert page.locator(".fact").inner_text() == fact
    assert page.input_value("#say") == "not sent yet" and page.input_value("#limit") == "7"
    assert page.input_value("#checkpoint") == "sft"
    page.click("#copy")
    expect(page.locator("#copied")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("You: Hello there.\nPPO: ")
    assert copied.count("\nYou: Where is the tractor?\nPPO: ") == 1
    page.click("#retry")
    expect(page.locator("#conversation .token.end")).to_have_count(1)  # the first ones are as text
    assert turns(page)[:3] == [text.rstrip("■…") for text in said[:3]]
    expect(page.locator("#conversation .turn.assistant b").last).not_to_have_text("PPO")
    page.fill("#say", "")
    page.click("#edit")
    assert page.input_value("#say") == "Where is the tractor?" and len(turns(page)) == 2
    page.click("#forget")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert not turns(page) and page.locator("#tools").is_hidden()


def reload(page):
    page.reload()
    page.wait_for_selector("body[data-ready]")
    page.wait_for_selector("#ranking .card")


def ratings(page):
    return page.locator("#ranking [role=radio][aria-checked=true]").all_inner_texts()


def test_a_ranking_that_is_half_made_outlives_a_reload_until_it_is_submitted(visit):
    page = visit("label")
    sign_in(page, "half")
    for key in ("3", "1", "="):
        page.keyboard.press(key)
    page.click('.card[data-i="1"] [role=radio] >> nth=4')
    reload(page)
    assert shown(page) == [[3], [1]] and ratings(page) == ["5"]
    page.keyboard.press("4")  # the tie was begun before
    assert shown(page) == [[3], [1, 4]]
    page.click("#progress button")  # another person has an order of their own
    sign_in(page, "other half")
    assert shown(page) == [] and ratings(page) == []
    page.click("#progress button")
    sign_in(page, "half")
    assert shown(page) == [[3], [1, 4]]
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    judged(page, 1)
    assert shown(page) == []
    reload(page)
    assert shown(page) == [] and ratings(page) == []
    page.keyboard.press("1")
    page.keyboard.press("u")
    judged(page, 0)
    assert shown(page) == [[3], [1, 4], [2]], "what the server gives back goes first"
    page.keyboard.press("Backspace")
    reload(page)
    assert shown(page) == [[3], [1, 4]]


def test_a_probe_that_is_half_written_outlives_a_reload(visit):
    page = visit("probe")
    page.fill("#prober", "half")
    page.press("#prober", "Enter")
    page.wait_for_selector("#marked")
    page.fill("#attack-say", "not sent yet")
    rule = page.locator("#rule-text").inner_text()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.input_value("#attack-say") == "not sent yet"
    assert page.locator("#rule-text").inner_text() == rule
    page.route("**/api/talk", lambda route: None)  # an answer that does not come
    page.press("#attack-say", "Enter")
    page.type("#attack-say", "and more")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert page.input_value("#attack-say") == "not sent yet"
    assert page.locator("#attack-turns .turn").count() == 0, "it is still to be asked"


def test_the_enter_that_ends_a_syllable_sends_nothing(visit):
    page = visit("talk", "ko-KR")
    page.fill("#say", "안녕")
    press_enter(page, "#say", isComposing=True)
    press_enter(page, "#say", keyCode=229)  # Safari
    assert not turns(page) and page.input_value("#say") == "안녕"
    press_enter(page, "#say", keyCode=13)
    expect(page.locator("#conversation .token.end")).to_have_count(1)


def test_no_line_under_the_blank_before_a_word(visit):
    page = visit("talk")
    tokens = [{"text": text, "p": 0.1, "top": []} for text in ("Hello", " there", "\n", "")]
    lines = [{"text": "Hello there\n"}, {"tokens": tokens, "ended": True, "fact": None}]
    body = "".join(json.dumps(line) + "\n" for line in lines)
    page.route("**/api/talk", lambda route: route.fulfill(body=body))
    ask(page, "Hi", 1)
    words = page.locator(".tokens .token").evaluate_all("es => es.map(e => e.textContent)")
    assert words == ["Hello", "there", "\n", "■"]
    assert page.locator(".tokens").evaluate("e => e.textContent") == "Hello there\n■"


def test_with_a_seed_the_same_steps_give_the_same_answers(visit):
    found = []
    for _ in range(2):
        page = visit("talk")
        page.fill("#seed", "7")
        ask(page, "Hello there.", 1)
        answers = [turns(page)[1]]
        page.click("#retry")
        expect(page.locator("#retry")).to_be_visible()
        expect(page.locator("#conversation .token.end")).to_have_count(1)
        found.append([*answers, turns(page)[1]])
    assert found[0] == found[1] and found[0][0] != found[0][1]


def test_a_server_that_is_killed_loses_no_question(visit, server):
    talk, compare = visit("talk"), visit("compare", "ko-KR")
    ask(talk, "Hello there.", 1)
    server.kill()
    talk.fill("#say", "How are you?")
    talk.press("#say", "Enter")
    expect(talk.locator("#notice")).to_contain_text("Your question is kept")
    compare.fill("#prompt", "안녕")
    compare.press("#prompt", "Enter")
    expect(compare.locator("#notice")).to_contain_text("질문은 보관되어 있고")
    talk.click("#ask .stop")  # who does not want to wait has the text again
    expect(talk.locator("#notice")).to_be_hidden()
    expect(talk.locator("#say")).to_have_value("How are you?")
    assert len(turns(talk)) == 2
    talk.press("#say", "Enter")
    expect(talk.locator("#notice")).to_be_visible()
    server.start()
    expect(talk.locator("#conversation .token.end")).to_have_count(2)
    expect(compare.locator(".answer .token.end")).to_have_count(3)
    for page in (talk, compare):
        expect(page.locator("#notice")).to_be_hidden()
    assert turns(talk)[2] == "How are you?" and talk.input_value("#say") == ""


def test_one_name_in_two_browsers_is_told_what_became_of_the_second_ranking(visit):
    pages = [visit("label", "ko-KR") for _ in range(2)]
    for page in pages:
        page.fill("#labeler", "twins")
        page.press("#labeler", "Enter")
        page.wait_for_selector("#ranking .card")
        expect(page.locator("#undo")).to_be_disabled()  # there is nothing to take back
    for page, keys in zip(pages, ("1234", "4321")):
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        expect(page.locator("#ranking .placed")).to_have_count(0)
    expect(pages[1].locator("#notice")).to_contain_text("같은 이름으로 이미 평가한 문항입니다")
    expect(pages[0].locator("#undo")).to_be_enabled()


# --- what is wrong is said where it is ---------------------------------------------------------


def test_a_wrong_number_is_said_at_its_field_and_nothing_is_sent(visit):
    page = visit("talk", **PHONE)
    assert not page.locator("#top_k").is_visible(), "on a phone the settings are folded"
    page.click("#settings summary")
    page.fill("#top_k", "-3")
    expect(page.locator("#top_k-wrong")).to_have_text("A whole number from 0 to 1000000.")
    page.click("#settings summary")
    page.fill("#say", "Hello")
    page.press("#say", "Enter")
    expect(page.locator("#top_k")).to_be_focused()
    assert page.get_attribute("#top_k", "aria-invalid") == "true" and not turns(page)
    page.fill("#top_k", "3")
    expect(page.locator("#top_k-wrong")).to_have_text("")
    ask(page, "Hello", 1)


@pytest.mark.parametrize("tab, field, inside", [
    ("label", "#labeler", "#ranking .card"), ("probe", "#prober", "#marked"),
])  # fmt: skip
def test_a_name_may_have_blanks(visit, tab, field, inside):
    page = visit(tab)
    page.fill(field, "Mina/Kim")
    page.press(field, "Enter")
    expect(page.locator(f"{field}-wrong")).to_contain_text("Letters, digits, spaces")
    page.fill(field, " Mina Kim ")
    page.press(field, "Enter")
    page.wait_for_selector(inside)
    assert page.evaluate("localStorage.labeler") == "Mina Kim"
    page.reload()  # and whoever is in stays in
    page.wait_for_selector(inside)


@pytest.fixture
def bare(tmp_path):
    """A server over a folder without a checkpoint."""
    server = Server(tmp_path / "out")
    yield server
    server.kill()


def test_without_a_model_there_is_one_message_with_one_command(browser, bare):
    context = browser.new_context(locale="ko-KR")
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{bare.port}/")
    page.wait_for_selector("body[data-ready]")
    begin = {"talk": "#ask", "compare": "#ask-all", "label": "#sign-in", "probe": "#probe-sign-in"}
    for tab, form in begin.items():
        page.click(f"#tab-{tab}")
        expect(page.locator("#missing")).to_contain_text("아직 모델이 없습니다.")
        assert page.locator("code").all_inner_texts() == [f"python sft.py --out={bare.out}/sft"]
        assert page.locator(f"{form} [type=submit]").is_disabled()
    page.click("#tab-talk")
    page.fill("#say", "안녕")
    page.press("#say", "Enter")
    assert not turns(page) and page.input_value("#say") == "안녕"
    fill(bare.out, ["pretrain"])
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("#missing")).to_be_hidden()
    page.click("#tab-label")
    expect(page.locator("#missing")).to_contain_text("미세조정한 모델이 필요합니다")
    context.close()


# --- in view, and by keyboard ------------------------------------------------------------------


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_what_is_written_into_stays_in_view(visit, size):
    page = visit("talk", **size)
    expect(page.locator("#intro")).to_contain_text("ask where a thing is")
    assert page.locator("#settings").evaluate("e => e.open") == (size is DESKTOP)
    for n in range(1, 8):
        ask(page, "Hello there.", n)
        box, height = page.locator("#say").bounding_box(), size["viewport"]["height"]
        assert 0 <= box["y"] and box["y"] + box["height"] <= height
        last = page.locator("#conversation .turn").last.bounding_box()
        assert last["y"] + last["height"] <= box["y"] + 1, "the answer is not under the field"
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.select_option("#language", "ko")
    dock = page.locator(".dock").first.bounding_box()
    page.click("#copy")
    expect(page.locator("#copied")).to_be_visible()
    assert page.locator(".dock").first.bounding_box() == dock, "it covers no answer"
    page.evaluate("scrollTo(0, 0)")
    box = page.locator("#say").bounding_box()
    assert box["y"] + box["height"] <= height
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size["viewport"]["width"], "nothing reaches over the side"


def test_the_whole_page_by_keyboard(visit):
    page = visit("talk")
    ask(page, "Hello there.", 1)
    page.keyboard.press("Shift+Tab")  # from the field to the answer
    page.keyboard.press("ArrowRight")
    expect(page.locator(".token.here")).to_have_count(1)
    assert page.locator("#considered tr").count() >= 6
    page.keyboard.press("End")
    expect(page.locator(".token.end.here")).to_have_count(1)
    page.keyboard.press("Escape")
    assert page.locator("#considered").is_hidden()
    page.focus("#tab-talk")
    for key, tab in (("ArrowRight", "compare"), ("End", "probe"), ("ArrowRight", "talk"),
                     ("ArrowLeft", "probe"), ("ArrowLeft", "label")):  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator(f"#tab-{tab}")).to_be_focused()
        expect(page.locator(f"#{tab}")).to_be_visible()
    page.fill("#labeler", "keyboard")
    page.press("#labeler", "Enter")
    page.wait_for_selector("#ranking .card")
    third = page.get_by_role("button", name=re.compile("^Answer 3, "))
    third.focus()
    page.keyboard.press("Space")
    expect(page.get_by_role("group", name="Answer 3, place 1")).to_be_visible()
    expect(third).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator('.card[data-i="2"] [aria-checked=true]')).to_have_text("2")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="Answer 3, not ranked")).to_be_visible()


# --- axe ---------------------------------------------------------------------------------------


def axe():
    """The text of axe-core, where AXE names its file or npm has it here."""
    places = [os.environ.get("AXE", ""), "node_modules/axe-core/axe.min.js"]
    found = next((Path(place) for place in places if place and Path(place).is_file()), None)
    if not found:
        pytest.skip("no axe-core: npm install --no-save axe-core, or AXE=its axe.min.js")
    return found.read_text(encoding="utf-8")


def violations(page):
    found = page.evaluate("axe.run(document).then(found => found.violations)")
    return {v["id"]: v["nodes"][0]["html"] for v in found}


@pytest.mark.parametrize("locale", ["en-US", "ko-KR"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_axe_finds_nothing(visit, size, scheme, locale):
    text = axe()
    page = visit("talk", locale, color_scheme=scheme, **size)
    page.evaluate(text)
    for n in range(1, 5):  # the first of them the model no longer sees
        ask(page, "Where is the tractor?", n)
    page.focus(".tokens >> nth=-1")
    page.keyboard.press("ArrowRight")
    page.locator("#settings").evaluate("e => e.open = true")
    page.fill("#limit", "0")
    assert not violations(page)
    page.fill("#limit", "9")
    page.click("#tab-compare")
    for n in ("1", "3"):
        page.fill("#samples", n)
        page.fill("#prompt", "Where is the tractor?")
        page.press("#prompt", "Enter")
        expect(page.locator(".answer .shares" if n == "3" else ".answer .fact")).to_have_count(3)
        assert not violations(page)
    for tab, field, inside in (("label", "#labeler", ".card"), ("probe", "#prober", "#marked")):
        page.click(f"#tab-{tab}")
        assert not violations(page)
        page.fill(field, f"axe {locale} {scheme}"[:24])
        page.press(field, "Enter")
        page.wait_for_selector(inside)
        page.keyboard.press("2")
        assert not violations(page)
