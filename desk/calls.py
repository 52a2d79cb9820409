"""What the page asks of the server: talk, compare, label and probe, as JSON calls.

Each call is checked by its form before anything is done (pydantic), and what does not fit it is
refused with a line that says why; desk/server.py turns refusals into replies.
"""

import functools
import itertools
import json
import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from data.world import world_named
from desk.probing import RuleDesk, most_attacked
from desk.samples import MOST, compare_samples
from desk.words import told
from plumbing.errors import BadInput
from sampling import recent

router = APIRouter(prefix="/api")

# --- what a request may say ----------------------------------------------------------------------


# A greatest length also refuses half a surrogate pair, which no file and no reply can hold.
Text = Annotated[str, Field(max_length=20_000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Message(Body):
    role: Literal["user", "assistant"]
    content: Text
    search: Text | None = None  # what was looked up for it, and what was found
    result: Text | None = None


class Settings(Body):
    temperature: float = Field(0.8, ge=0, le=5)
    top_k: int = Field(0, ge=0, le=1_000_000)
    top_p: float = Field(1.0, ge=0, le=1)
    limit: int = Field(200, ge=1, le=1000)
    seed: int = Field(0, ge=0, lt=2**63)

    def settings(self):
        return self.model_dump(include=set(Settings.model_fields))


class Talk(Settings):
    checkpoint: Text
    messages: list[Message] = Field(min_length=1, max_length=200)
    raw: bool = False


class Compare(Settings):
    checkpoints: list[Text] = Field(min_length=1, max_length=6)
    prompt: Text = Field(min_length=1)
    samples: int = Field(1, ge=1, le=MOST)
    reward: Text | None = None
    reference: Text | None = None


class Labeler(Body):
    labeler: Text


class Labeling(Labeler):
    kind: Literal["", "helpful", "harmful"] = ""  # what is asked (desk.labelling)


class Judgement(Labeling):
    item: Text
    ranking: list[list[int]] = Field(max_length=9)
    scores: list[int | None] | None = Field(None, max_length=9)


class Draw(Labeler):
    rule: Text = ""  # the one that was chosen; empty: draw one
    passed: list[Text] = Field([], max_length=100)


class Mark(Labeler):
    probe: str = Field(pattern="^[0-9a-f]{16}$")
    rule: Text
    mark: Literal["broken", "kept", "unsure"]
    checkpoint: Text
    messages: list[Message] = Field(min_length=2, max_length=200)


# --- talk and compare ----------------------------------------------------------------------------


@router.get("/state")
def there_is(request: Request):
    """The checkpoints that there are, and what the page begins with."""
    shelf = request.app.state.shelf
    base, sft, ppo = (shelf.first(stage) for stage in ("pretrain", "sft", "ppo"))
    return {
        "checkpoints": shelf.list(),
        "lineup": [name for name in (base, sft, ppo) if name],
        "talk": ppo or sft or base,
        "probe": most_attacked(shelf),
        "rules": {name: texts[0] for name, texts in rule_desk_of(request).rules.items()},
        "reward": shelf.first("reward"),
        "reference": sft,
        "defaults": request.app.state.defaults,
        "command": shelf.maker,
        "examples": examples(shelf.world()),
    }


@functools.cache
def examples(name):
    """What one may type, and a question of each task of the tiny world; of no world, nothing."""
    if not name:
        return []
    world = world_named(name)
    questions = [p["messages"][0]["content"] for p in world.prompts("test", 13, seed=2)]
    return world.language.SUGGESTED + questions


@router.post("/talk")
def talk(ask: Talk, request: Request):
    shelf = request.app.state.shelf
    loaded = shelf.get(ask.checkpoint)
    messages = [m.model_dump(exclude_none=True) for m in ask.messages]
    first = []  # before the answer: how many messages the model no longer sees
    asked = () if ask.raw else messages
    if ask.raw:
        end = loaded.tokenizer.endoftext
        ids, stop = [end, *loaded.tokenizer.encode(messages[-1]["content"])], [end]
    else:
        check_turns(messages)
        if not loaded.tokenizer.evidence:  # another model looked it up; this one reads what it said
            messages = [{"role": m["role"], "content": m["content"]} for m in messages]
        ids, stop, forgotten = recent(loaded, messages)
        first = [{"forgotten": forgotten}] if forgotten else []
    events = shelf.talk(loaded, ids, stop, asked=asked, **ask.settings())
    events = itertools.chain(first, events)
    return streamed(events, request.app.state.log)


def check_turns(messages):
    """Turns alternate, and the first and the last are the user's."""
    roles = [m["role"] for m in messages]
    if roles != (["user", "assistant"] * len(roles))[: len(roles)] or roles[-1] != "user":
        raise BadInput("messages: turns must alternate, the first and the last the user's")
    if any(("search" in m) != ("result" in m) for m in messages):
        raise BadInput("messages: 'search' and 'result' come together")


@router.post("/compare")
def compare(ask: Compare, request: Request):
    shelf = request.app.state.shelf
    for name in ask.checkpoints:  # what cannot be opened is refused before the reply begins
        shelf.get(name)
    for name, head in ((ask.reward, "scalar"), (ask.reference, "lm")):
        if name is not None:
            shelf.get(name, head)
    asked = [{"role": "user", "content": ask.prompt}]
    beside = {"reward": ask.reward, "reference": ask.reference}
    if ask.samples == 1:
        events = shelf.compare(ask.checkpoints, asked, **beside, **ask.settings())
    else:
        beside["n"] = ask.samples
        events = compare_samples(shelf, ask.checkpoints, asked, **beside, **ask.settings())
    return streamed(events, request.app.state.log)


def streamed(events, log):
    """A streamed reply of one JSON object per line. Once it has begun there is no other status to
    give, so what goes wrong later is an event as well."""

    def lines():
        try:
            for event in events:
                yield json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        except BadInput as error:
            yield json.dumps(told(str(error))) + "\n"
        except Exception:
            log.exception("an answer broke off")
            yield json.dumps(told("the answer broke off; see server.log")) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


# --- label ---------------------------------------------------------------------------------------


def desk_of(request, ask):
    """The desk of what is asked, opened when the first labeler comes to it."""
    state = request.app.state
    with state.opening:
        if ask.kind not in state.desks:
            state.desks[ask.kind] = state.open_desk(ask.kind)
        return state.desks[ask.kind]


@router.post("/next")
def next_item(ask: Labeling, request: Request):
    desk = desk_of(request, ask)
    return {**desk.next(ask.labeler), "progress": desk.progress(ask.labeler)}


@router.post("/judge")
def judge(ask: Judgement, request: Request):
    desk = desk_of(request, ask)
    desk.judge(ask.labeler, ask.item, ask.ranking, ask.scores)
    return {"progress": desk.progress(ask.labeler)}


@router.post("/undo")
def undo(ask: Labeling, request: Request):
    desk = desk_of(request, ask)
    return {**desk.undo(ask.labeler), "progress": desk.progress(ask.labeler)}


@router.post("/progress")
def progress(ask: Labeling, request: Request):
    return desk_of(request, ask).progress(ask.labeler)


# --- probe ---------------------------------------------------------------------------------------


def rule_desk_of(request):
    """The desk of the rules in the language of the models, which may come later than the page."""
    state = request.app.state
    world = state.shelf.world() or "world"
    with state.opening:
        if world not in state.rule_desks:
            state.rule_desks[world] = RuleDesk(state.shelf.out, state.open_rules(world))
        return state.rule_desks[world]


@router.post("/probe")
def draw_rule(ask: Draw, request: Request):
    """One rule, and a name for the conversation that is to break it. Nothing is kept before it is
    marked, so a server that starts again knows each of its conversations."""
    desk = rule_desk_of(request)
    progress = desk.progress(ask.labeler)
    if ask.rule and ask.rule not in desk.rules:
        raise BadInput(f"no rule {ask.rule[:40]!r}; there are {', '.join(desk.rules)}")
    rule = ask.rule or desk.next(ask.passed, ask.labeler)
    return {"probe": secrets.token_hex(8), "rule": rule, "progress": progress}


@router.post("/mark")
def mark(ask: Mark, request: Request):
    desk = rule_desk_of(request)
    messages = [m.model_dump(exclude_none=True) for m in ask.messages]
    desk.mark(ask.labeler, ask.rule, messages, ask.mark, ask.checkpoint, ask.probe)
    return {"progress": desk.progress(ask.labeler)}


@router.post("/unmark")
def unmark(ask: Labeler, request: Request):
    """The conversation of the last mark again, which is withdrawn."""
    desk = rule_desk_of(request)
    record = desk.undo(ask.labeler)
    return {
        "probe": record.get("probe") or secrets.token_hex(8),
        "rule": next(name for name in record["rules"] if name in desk.rules),
        "messages": record["messages"],
        "checkpoint": record.get("model", ""),
        "progress": desk.progress(ask.labeler),
    }


@router.post("/marks")
def marks(ask: Labeler, request: Request):
    return rule_desk_of(request).progress(ask.labeler)
