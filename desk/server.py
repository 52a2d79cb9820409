"""The page of `python chat.py --web`: talk, compare and label in a browser.

Serves the folder page/ and a few JSON calls, to this machine only; with `--host`, to whoever has
the address with the access token that is printed. A request that is not in order gets a 4xx with
one line that says why, and a line in out/labels/server.log.
"""

import functools
import hmac
import ipaddress
import itertools
import json
import logging
import mimetypes
import os
import re
import secrets
import socket
import threading
from pathlib import Path
from typing import Annotated, Literal

import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from data.world import World
from data.world.english_talk import SUGGESTED
from desk.labelling import Conflict
from desk.patience import Patience
from desk.shelf import Unknown
from plumbing.errors import BadInput
from sampling import recent

PAGE = Path(__file__).with_name("page")
LARGEST_BODY = 1 << 16
LOCAL = ("127.0.0.1", "localhost", "[::1]")
STATUS = {Unknown: 404, Conflict: 409}
HEADERS = {  # nothing from elsewhere is loaded, and no other page may frame this one
    "content-security-policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
router = APIRouter(prefix="/api")


# --- what a request may say ----------------------------------------------------------------------


# A greatest length also refuses half a surrogate pair, which no file and no reply can hold.
Text = Annotated[str, Field(max_length=20_000)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Message(Body):
    role: Literal["user", "assistant"]
    content: Text


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
    reward: Text | None = None
    reference: Text | None = None


class Labeler(Body):
    labeler: Text


class Judgement(Labeler):
    item: Text
    ranking: list[list[int]] = Field(max_length=9)
    scores: list[int | None] | None = Field(None, max_length=9)


# --- talk and compare ----------------------------------------------------------------------------


@router.get("/state")
def there_is(request: Request):
    """The checkpoints that there are, and what the page begins with."""
    shelf = request.app.state.shelf
    base, sft, ppo = (shelf.first(stage) for stage in ("pretrain", "sft", "ppo"))
    listed = shelf.list()
    return {
        "checkpoints": listed,
        "lineup": [name for name in (base, sft, ppo) if name],
        "talk": ppo or sft or base,
        "reward": shelf.first("reward"),
        "reference": sft,
        "defaults": request.app.state.defaults,
        "examples": examples() if any(c.get("world") for c in listed) else [],
    }


@functools.cache
def examples():
    """What one may type, and a question of each task of the tiny world."""
    questions = [p["messages"][0]["content"] for p in World().prompts("test", 13, seed=2)]
    return SUGGESTED + questions


@router.post("/talk")
def talk(ask: Talk, request: Request):
    shelf = request.app.state.shelf
    loaded = shelf.get(ask.checkpoint)
    messages = [m.model_dump() for m in ask.messages]
    first = []  # before the answer: how many messages the model no longer sees
    if ask.raw:
        end = loaded.tokenizer.endoftext
        ids, stop = [end, *loaded.tokenizer.encode(messages[-1]["content"])], [end]
    else:
        check_turns(messages)
        ids, stop, forgotten = recent(loaded, messages)
        first = [{"forgotten": forgotten}] if forgotten else []
    events = itertools.chain(first, shelf.talk(loaded, ids, stop, **ask.settings()))
    return streamed(events, request.app.state.log)


def check_turns(messages):
    """Turns alternate, and the first and the last are the user's."""
    roles = [m["role"] for m in messages]
    if roles != (["user", "assistant"] * len(roles))[: len(roles)] or roles[-1] != "user":
        raise BadInput("messages: turns must alternate, the first and the last the user's")


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
    events = shelf.compare(ask.checkpoints, asked, **beside, **ask.settings())
    return streamed(events, request.app.state.log)


def streamed(events, log):
    """A streamed reply of one JSON object per line. Once it has begun there is no other status to
    give, so what goes wrong later is an event as well."""

    def lines():
        try:
            for event in events:
                yield json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        except BadInput as error:
            yield json.dumps({"error": str(error)}) + "\n"
        except Exception:
            log.exception("an answer broke off")
            yield json.dumps({"error": "the answer broke off; see server.log"}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


# --- label ---------------------------------------------------------------------------------------


def desk_of(request):
    """The labelers' desk, opened when the first of them comes."""
    state = request.app.state
    with state.opening:
        state.desk = state.desk or state.open_desk()
        return state.desk


@router.post("/next")
def next_item(ask: Labeler, request: Request):
    desk = desk_of(request)
    return {**desk.next(ask.labeler), "progress": desk.progress(ask.labeler)}


@router.post("/judge")
def judge(ask: Judgement, request: Request):
    desk = desk_of(request)
    desk.judge(ask.labeler, ask.item, ask.ranking, ask.scores)
    return {"progress": desk.progress(ask.labeler)}


@router.post("/undo")
def undo(ask: Labeler, request: Request):
    desk = desk_of(request)
    return {**desk.undo(ask.labeler), "progress": desk.progress(ask.labeler)}


@router.post("/progress")
def progress(ask: Labeler, request: Request):
    return desk_of(request).progress(ask.labeler)


# --- the gate ------------------------------------------------------------------------------------


async def gate(request, call_next):
    """Every request passes here first, and every reply on its way out."""
    try:
        if refusal := objection(request):
            reply = refused(request, *refusal)
        elif enters(request):
            cookie = f"{cookie_name(request)}={request.app.state.token}"
            cookie += "; HttpOnly; SameSite=Strict; Path=/"
            reply = RedirectResponse("/", 303, {"set-cookie": cookie})
        else:
            reply = await call_next(request)
    except Exception:
        request.app.state.log.exception("in %r", request.scope["path"])
        reply = refused(request, 500, "an accident; see server.log")
    reply.headers.update(HEADERS)
    return reply


def objection(request):
    """(status, why) if the request is turned away, else None.

    Refused: pages of other sites, which a browser would let send requests to this machine (403);
    without the token, where one is set (401); bodies that are no JSON (415), or too large or of a
    length that is not told in advance (413).
    """
    headers, token = request.headers, request.app.state.token
    host, origin = headers.get("host", ""), headers.get("origin")
    if not token and re.sub(r":\d+$", "", host) not in LOCAL:
        return 403, "open this page as http://127.0.0.1 or localhost"
    foreign = origin is not None and origin.partition("://")[2] != host
    fetched = request.scope["path"].startswith("/api/")
    if foreign or fetched and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        return 403, "requests of other sites are refused"
    known = has_token(request, request.cookies.get(cookie_name(request), ""))
    if token and not known and not enters(request):
        return 401, "open the address, with its token, that the server printed in its terminal"
    if request.method == "POST":
        if headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return 415, "expected content-type: application/json"
        length = headers.get("content-length", "")
        told = length.isdecimal() and "transfer-encoding" not in headers
        if not told or int(length) > LARGEST_BODY:
            return 413, f"expected content-length: at most {LARGEST_BODY} bytes"
    return None


def enters(request):
    """Is this the printed address, whose token turns into a cookie?"""
    at_door = request.app.state.token and request.scope["path"] == "/"
    return at_door and has_token(request, request.query_params.get("token", ""))


def has_token(request, given):
    """Compare in a time that tells nothing of the token."""
    return hmac.compare_digest(given.encode(), request.app.state.token.encode())


def cookie_name(request):
    """A browser sends a cookie to all ports of a machine, so each port has a name of its own."""
    return f"token{request.scope['server'][1]}"


def refused(request, status, why):
    """A reply that says why, and a line in the log."""
    asked = f"{request.method} {request.scope['path']!r} from {request.client.host}"
    request.app.state.log.warning("%s %s: %.300r", status, asked, why)
    return JSONResponse({"error": why}, status)


async def bad_input(request, error):
    return refused(request, STATUS.get(type(error), 400), str(error))


async def bad_body(request, error):
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    status = 400 if first["type"] == "json_invalid" else 422
    return refused(request, status, f"{where}: {first['msg']}")


async def not_there(request, error):
    return refused(request, error.status_code, error.detail)


# --- the server ----------------------------------------------------------------------------------


def application(shelf, open_desk, defaults, token=""):
    """The whole application, and its log in out/labels/server.log."""
    path = shelf.out / "labels" / "server.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.Logger("server")
    log.addHandler(handler)

    refusals = {BadInput: bad_input, RequestValidationError: bad_body, HTTPException: not_there}
    app = FastAPI(openapi_url=None, exception_handlers=refusals)
    app.state.shelf = shelf
    app.state.open_desk = open_desk
    app.state.desk = None
    app.state.opening = threading.Lock()
    app.state.defaults = defaults
    app.state.token = token
    app.state.log = log
    app.middleware("http")(gate)
    app.include_router(router)
    mimetypes.add_type("text/javascript", ".js")  # a Windows registry may say otherwise
    app.mount("/", StaticFiles(directory=PAGE, html=True))
    return app


def listen(host, port):
    """A socket at that address. Raises BadInput if it is taken or not this machine's."""
    try:
        if port > 65535:
            raise OverflowError("ports go up to 65535")
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        if os.name != "nt":  # a server that was killed leaves its port in waiting for a minute
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", error)
        where = f"--host={host} --port={port}"
        raise BadInput(f"{where}: {why}; --port=0 takes a free port") from None
    return listener


def own_address():
    """This machine's address in its network. A UDP socket that is "connected" sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return socket.gethostname()


def serve(shelf, open_desk, host, port, defaults):
    """Serve the page until Ctrl+C. `open_desk()` makes the Desk, `defaults` are the settings that
    the page begins with."""
    listener = listen(host, port)
    address, port = listener.getsockname()[:2]
    shown = own_address() if ipaddress.ip_address(address).is_unspecified else address
    shown = f"[{shown}]" if ":" in shown else shown
    token, who = "", "Only this machine can open it."
    if not ipaddress.ip_address(address).is_loopback:
        token = secrets.token_urlsafe(16)
        who = "Whoever has this address can talk and label."
    print(f"open http://{shown}:{port}/" + (f"?token={token}" if token else ""), flush=True)
    print(f"Ctrl+C ends. {who}", flush=True)
    config = uvicorn.Config(
        application(shelf, open_desk, defaults, token),
        log_level="warning",
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        http=Patience,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print("\nstopped; every judgement is in " + str(shelf.out / "labels"))
