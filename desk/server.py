"""The page of `python chat.py --web`: talk, compare, label and probe in a browser.

Serves the folder page/ and a few JSON calls (calls.py), to this machine only; with `--host`, to
whoever has the address with the access token that is printed, and kept in out/labels/token. A
request that is not in order gets a 4xx with one line that says why, and a line in
out/labels/server.log.
"""

import hmac
import ipaddress
import logging
import mimetypes
import os
import re
import secrets
import socket
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from desk.calls import router
from desk.labelling import Conflict
from desk.patience import Patience
from desk.shelf import Unknown
from desk.words import told
from plumbing.errors import BadInput

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
DOOR = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>401</title>
<p lang="ko">{korean}</p>
<p>{error}</p>
"""


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
    """A reply that says why, and a line in the log. Who stands at the door without a token has no
    page that would translate it."""
    asked = f"{request.method} {request.scope['path']!r} from {request.client.host}"
    request.app.state.log.warning("%s %s: %.300r", status, asked, why)
    if status == 401 and not request.scope["path"].startswith("/api/"):
        return HTMLResponse(DOOR.format(**told(why)), status)
    return JSONResponse(told(why), status)


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


def application(shelf, open_desk, open_rules, defaults, token=""):
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
    app.state.desks = {}
    app.state.open_rules = open_rules
    app.state.rule_desks = {}
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


def kept_token(path):
    """The access token in a file that its owner alone may read; a new one where there is none. A
    server that starts again has the same, so the browsers of a class go on as they are."""
    try:
        token = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError):
        token = ""
    if not re.fullmatch(r"[\w-]{22,}", token):
        token = secrets.token_urlsafe(16)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(new, "w", encoding="ascii") as file:
            file.write(token + "\n")
    return token


def serve(shelf, open_desk, open_rules, host, port, defaults):
    """Serve the page until Ctrl+C. `open_desk(kind)` makes a Desk, `open_rules(world)` gives
    the rules to probe, `defaults` are the settings that the page begins with."""
    listener = listen(host, port)
    address, port = listener.getsockname()[:2]
    shown = own_address() if ipaddress.ip_address(address).is_unspecified else address
    shown = f"[{shown}]" if ":" in shown else shown
    token, who = "", "Only this machine can open it."
    if not ipaddress.ip_address(address).is_loopback:
        file = shelf.out / "labels" / "token"
        token = kept_token(file)
        who = f"Whoever has this address can talk, label and probe; without {file} it is a new one."
    print(f"open http://{shown}:{port}/" + (f"?token={token}" if token else ""), flush=True)
    print(f"Ctrl+C ends. {who}", flush=True)
    config = uvicorn.Config(
        application(shelf, open_desk, open_rules, defaults, token),
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
        print("\nstopped; every judgement and mark is in " + str(shelf.out / "labels"))
