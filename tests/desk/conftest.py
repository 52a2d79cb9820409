"""A browser that opens the page of a server of its own, for the tests of the page."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import chat
from tests.tiny_out import fill

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
]


class Server:
    """`chat.py --web` in a process of its own, that can be killed and started again."""

    def __init__(self, out):
        self.out = out
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [
                sys.executable,
                "chat.py",
                "--web",
                f"--out={self.out}",
                f"--port={self.port}",
                "--device=cpu",
                "--dtype=float32",
                "--max_new_tokens=12",
            ],
            cwd=Path(chat.__file__).parent,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert f"http://127.0.0.1:{self.port}/" in self.process.stdout.readline()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def needs_a_browser():
    """playwright, where a browser and the page's packages are there; otherwise the test is skipped."""
    pytest.importorskip("fastapi")
    if not BROWSER:
        pytest.skip("no Chromium is installed")
    if os.name == "nt":
        pytest.skip("SIGKILL is POSIX's")
    return pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    needs_a_browser()
    server = Server(fill(tmp_path_factory.mktemp("out")))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def browser():
    playwright = needs_a_browser()
    playwright.expect.set_options(timeout=60_000)  # a busy machine is no bug
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=BROWSER, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, server):
    """Opens the page as someone new. Nothing may be asked of other addresses, no script fail."""
    contexts, wrong = [], []

    def open_page(tab, locale="en-US", **options):
        contexts.append(browser.new_context(locale=locale, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        here = f"http://127.0.0.1:{server.port}/"
        page.on("request", lambda r: r.url.startswith((here, "data:")) or wrong.append(r.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{here}#{tab}")
        page.wait_for_selector("body[data-ready]")  # every handler is there
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong
