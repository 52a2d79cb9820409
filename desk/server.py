"""The page of `python chat.py --web`: talk, compare and label in a browser.

Serves the files of web/ and a few JSON calls, to this machine only; with `--host`, to whoever has
the address with the access token that is printed. A request that is not in order gets a 4xx with
one line that says why, and a line in out/labels/server.log.
"""

import functools
import hmac
import ipaddress
import json
import logging
import os
import re
import secrets
import socket
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import (
    FileResponse,
    JSONResponse,
    RedirectResponse,
    StreamingResponse,
)
from pydantic import BaseModel, ConfigDict, Field, field_validator

from data.world import World
from desk.labelling import Conflict
from desk.shelf import Unknown
from plumbing.errors import BadInput

FILES = {
    "": "text/html",
    "style.css": "text/css",
    "words.js": "text/javascript",
    "app.js": "text/javascript",
    "talk.js": "text/javascript",
    "label.js": "text/javascript",
}
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


# --- what a request may say ----------------------------------------------------------------------


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*")
    def utf8(cls, value):
        """JSON can spell half a surrogate pair, which no file and no reply can hold."""
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                text.encode()
        return value


class Message(Body):
    role: str = Field(pattern="^(user|assistant)$")
    content: str = Field(max_length=20_000)


class Sampled(Body):
    temperature: float = Field(0.8, ge=0, le=5)
    top_k: int = Field(0, ge=0, le=1_000_000)
    top_p: float = Field(1.0, ge=0, le=1)
    limit: int = Field(200, ge=1, le=1000)
    seed: int = Field(0, ge=0, lt=2**63)

    def options(self):
        return {name: getattr(self, name) for name in Sampled.model_fields}


class Talk(Sampled):
    checkpoint: str = Field(max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=200)
    raw: bool = False


class Compare(Sampled):
    checkpoints: list[str] = Field(min_length=1, max_length=6)
    prompt: str = Field(min_length=1, max_length=20_000)
    reward: str | None = None
    reference: str | None = None


class Labeler(Body):
    labeler: str


class Judgement(Labeler):
    item: str = Field(max_length=40)
    ranking: list[list[int]] = Field(max_length=9)
    scores: list[int | None] | None = Field(None, max_length=9)


# --- the calls -----------------------------------------------------------------------------------


def calls(shelf, open_desk, defaults, log):
    """The FastAPI application: the page's files and the calls it makes."""
    opened = []

    @asynccontextmanager
    async def lifespan(app):
        yield
        for desk in opened:
            desk.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    add_talk(app, shelf, defaults, log)
    add_label(app, open_desk, opened)

    @app.exception_handler(BadInput)
    async def bad_input(request, error):
        return JSONResponse({"error": str(error)}, STATUS.get(type(error), 400))

    @app.exception_handler(RequestValidationError)
    async def invalid(request, error):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        status = 400 if first["type"] == "json_invalid" else 422
        return JSONResponse({"error": f"{where}: {first['msg']}"}, status)

    @app.get("/")
    @app.get("/{name}")
    def file(name: str = ""):
        if name not in FILES:
            raise Unknown(f"nothing at {name[:40]!r}")
        folder = Path(__file__).with_name("page")
        return FileResponse(folder / (name or "index.html"), media_type=FILES[name])

    return app


def add_talk(app, shelf, defaults, log):
    """What there is, and answers; both kinds of answers are newline-separated events."""

    @app.get("/api/state")
    def state():
        lineup = [shelf.first(stage) for stage in ("pretrain", "sft", "ppo")]
        listed = shelf.list()
        return {
            "checkpoints": listed,
            "lineup": [name for name in lineup if name],
            "talk": shelf.first("ppo") or shelf.first("sft") or shelf.first("pretrain"),
            "reward": shelf.first("reward"),
            "reference": shelf.first("sft"),
            "defaults": defaults,
            "examples": examples() if any(c.get("world") for c in listed) else [],
        }

    @app.post("/api/talk")
    def talk(ask: Talk):
        loaded = shelf.get(ask.checkpoint)
        messages = [m.model_dump() for m in ask.messages]
        if ask.raw:
            end = loaded.tokenizer.endoftext
            ids, stop = [end, *loaded.tokenizer.encode(messages[-1]["content"])], [end]
        else:
            check_turns(messages)
            ids, stop = loaded.tokenizer.prompt(messages, loaded.chat)
        return events(shelf.answer(loaded, ids, stop, **ask.options()), log)

    @app.post("/api/compare")
    def compare(ask: Compare):
        for name in ask.checkpoints:
            shelf.get(name)
        for name, head in ((ask.reward, "scalar"), (ask.reference, "lm")):
            if name is not None:
                shelf.get(name, head)
        messages = [{"role": "user", "content": ask.prompt}]
        return events(
            shelf.compare(
                ask.checkpoints,
                messages,
                reward=ask.reward,
                reference=ask.reference,
                **ask.options(),
            ),
            log,
        )


def add_label(app, open_desk, opened):
    """The labelers' calls, to a desk that is opened when the first of them comes."""
    opening = threading.Lock()

    def desk():
        with opening:
            opened.extend([] if opened else [open_desk()])
            return opened[0]

    @app.post("/api/next")
    def next_item(ask: Labeler):
        return {**desk().next(ask.labeler), "progress": desk().progress(ask.labeler)}

    @app.post("/api/judge")
    def judge(ask: Judgement):
        desk().judge(ask.labeler, ask.item, ask.ranking, ask.scores)
        return {"progress": desk().progress(ask.labeler)}

    @app.post("/api/undo")
    def undo(ask: Labeler):
        return {**desk().undo(ask.labeler), "progress": desk().progress(ask.labeler)}

    @app.post("/api/progress")
    def progress(ask: Labeler):
        return desk().progress(ask.labeler)


@functools.cache
def examples():
    """A question of each task of the tiny world."""
    return [p["messages"][0]["content"] for p in World().prompts("test", 13, seed=2)]


def check_turns(messages):
    """Turns alternate, and the first and the last are the user's."""
    roles = [m["role"] for m in messages]
    if roles != (["user", "assistant"] * len(roles))[: len(roles)] or roles[-1] != "user":
        raise BadInput("messages: turns must alternate, the first and the last the user's")


def events(found, log):
    """A streamed reply of one JSON object per line. Once it has begun there is no other status to
    give, so what goes wrong later is an event as well."""

    def lines():
        try:
            for event in found:
                yield json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        except BadInput as error:
            yield json.dumps({"error": str(error)}) + "\n"
        except Exception:
            log.exception("an answer broke off")
            yield json.dumps({"error": "the answer broke off; see server.log"}) + "\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


# --- the gate ------------------------------------------------------------------------------------


class Gate:
    """Every request passes here first (an ASGI application around another).

    Refused: pages of other sites, which a browser would let send requests to this machine (403);
    without the token, where one is set (401); bodies that are no JSON (415) or too large (413).
    """

    def __init__(self, app, log, token=""):
        self.app, self.log, self.token = app, log, token

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        status, shown = 0, b""

        async def reply(message):
            nonlocal status, shown
            if message["type"] == "http.response.start":
                status = message["status"]
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            elif status >= 400:
                shown += message.get("body", b"")
            await send(message)

        try:
            refusal, body = self.refusal(scope), b""
            while not refusal and scope["method"] == "POST":
                message = await receive()
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    refusal = JSONResponse({"error": f"over {LARGEST_BODY} bytes"}, 413)
                if not message.get("more_body"):
                    break
            if refusal:
                await refusal(scope, receive, reply)
            else:
                await self.app(scope, replayed(body, receive), reply)
        except Exception:  # the reply, if there was none yet, was a 500
            self.log.exception("in %r", scope["path"])
        if status >= 400:
            who, why = (scope.get("client") or ["?"])[0], shown[:300].decode("utf-8", "replace")
            self.log.warning(
                "%s %s %r from %s: %s", status, scope["method"], scope["path"], who, why
            )

    def refusal(self, scope):
        """The response that turns this request away, or None."""
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.token and re.sub(r":\d+$", "", host) not in LOCAL:
            return JSONResponse({"error": "open this page as http://127.0.0.1 or localhost"}, 403)
        foreign = origin is not None and origin.partition("://")[2] != host
        if (
            foreign
            or headers.get("sec-fetch-site") in ("cross-site", "same-site")
            and (scope["path"].startswith("/api/"))
        ):
            return JSONResponse({"error": "requests of other sites are refused"}, 403)
        if self.token:
            cookies = [c.strip().partition("=") for c in headers.get("cookie", "").split(";")]
            given = [value for name, _, value in cookies if name == self.cookie(scope)]
            query = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
            if scope["path"] == "/" and any(map(self.matches, query)):
                cookie = f"{self.cookie(scope)}={self.token}; HttpOnly; SameSite=Strict; Path=/"
                return RedirectResponse("/", 303, {"set-cookie": cookie})
            if not any(map(self.matches, given)):
                return JSONResponse(
                    {
                        "error": "open the address, with its token, that the server "
                        "printed in its terminal"
                    },
                    401,
                )
        if scope["method"] == "POST":
            if headers.get("content-type", "").split(";")[0].strip() != "application/json":
                return JSONResponse({"error": "expected content-type: application/json"}, 415)
            length = headers.get("content-length", "0")
            if not length.isdecimal() or int(length) > LARGEST_BODY:
                return JSONResponse({"error": f"over {LARGEST_BODY} bytes"}, 413)

    def matches(self, token):
        return hmac.compare_digest(token.encode(), self.token.encode())

    @staticmethod
    def cookie(scope):
        return f"token{(scope.get('server') or ['', 0])[1]}"  # a cookie holds for all ports


def replayed(body, receive):
    """A `receive` that gives the body already read, then what else comes."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def again():
        return first.pop() if first else await receive()

    return again


# --- the server ----------------------------------------------------------------------------------


def application(shelf, open_desk, defaults, token=""):
    """The whole application, and its log in out/labels/server.log."""
    path = shelf.out / "labels" / "server.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    log = logging.getLogger(f"server {path.resolve()}")
    if not log.handlers:
        handler = logging.FileHandler(path, encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(handler)
        log.propagate = False
    return Gate(calls(shelf, open_desk, defaults, log), log, token)


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
        raise BadInput(
            f"--host={host} --port={port}: {getattr(error, 'strerror', error)}; "
            "--port=0 takes a free port"
        ) from None
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
    """Serve the page until Ctrl+C. `open_desk()` makes the Desk, `defaults` sampling options."""
    listener = listen(host, port)
    address, port = listener.getsockname()[:2]
    private = ipaddress.ip_address(address).is_loopback
    token = "" if private else secrets.token_urlsafe(16)
    shown = own_address() if ipaddress.ip_address(address).is_unspecified else address
    shown = f"[{shown}]" if ":" in shown else shown
    print(f"open http://{shown}:{port}/" + (f"?token={token}" if token else ""), flush=True)
    print(
        "Ctrl+C ends. "
        + (
            "Only this machine can open it."
            if private
            else "Whoever has this address can talk and label."
        ),
        flush=True,
    )
    app = application(shelf, open_desk, defaults, token)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        ws="none",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        print("\nstopped; every judgement is in " + str(shelf.out / "labels"))
