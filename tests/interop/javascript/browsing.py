"""A Chromium that tests drive as somebody at the screen would: tabs, keys, mouse, screenshots.

Playwright's own thread does everything, since its objects belong to one thread.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from tests.interop.godot4.browser import FLAGS
from tests.interop.godot4.whereabouts import chromium

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from playwright.sync_api import BrowserContext, Page

T = TypeVar("T")

LIMIT = 20.0
"""How long a page may take for what a test waits for, in seconds."""


class Tab:
    """A page.

    Attributes:
        page: Playwright's; use it by :meth:`do`.
        complaints: what it has written into its console, and errors that nobody has caught.
    """

    def __init__(self, browser: Browser, page: Page) -> None:
        self._browser = browser
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def do(self, work: Callable[[Page], T]) -> T:
        return await self._browser.do(lambda: work(self.page))

    async def get(self, expression: str, *args: Any) -> Any:
        """Return what an expression of ``args`` is worth in the page; it is awaited."""
        code = f"async (args) => ({expression})"
        return await self.do(lambda page: page.evaluate(code, args))

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true in the page; return it.

        Not ``wait_for_function``, which a ``Content-Security-Policy`` forbids.
        """
        code = f"""async () => {{
          for (const end = Date.now() + {1000 * LIMIT}; Date.now() < end;) {{
            const value = await ({expression});
            if (value) return value;
            await new Promise((resolve) => setTimeout(resolve, 5));
          }}
          throw new Error("not within {LIMIT} s: " + {json.dumps(expression)});
        }}"""
        return await self.do(lambda page: page.evaluate(code))


class Browser:
    """A profile, empty at first, that its tabs share."""

    def __init__(self, thread: ThreadPoolExecutor, context: BrowserContext) -> None:
        self._thread = thread
        self._context = context

    async def do(self, work: Callable[[], T]) -> T:
        return await in_thread(self._thread, work)

    async def begin_with(self, script: str) -> None:
        """Run a script in each page from now on, before its own."""
        await self.do(lambda: self._context.add_init_script(script))

    async def open(self, url: str) -> Tab:
        """Open a page in a new tab."""
        tab = Tab(self, await self.do(self._context.new_page))
        await tab.do(lambda page: page.goto(url))
        return tab


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    future = thread.submit(work)
    return await trio.to_thread.run_sync(future.result, abandon_on_cancel=True)


@asynccontextmanager
async def browsing(width: int = 1000, height: int = 560) -> AsyncGenerator[Browser]:
    """Start a Chromium, which ends with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - where there is no Chromium

    path = chromium()
    assert path is not None, "the test should have been skipped"
    with ThreadPoolExecutor(1, "playwright") as thread:
        playwright = await in_thread(thread, sync_playwright().start)
        try:
            launch = playwright.chromium.launch
            chrome = await in_thread(thread, lambda: launch(executable_path=path, args=FLAGS))
            try:
                context = await in_thread(
                    thread,
                    lambda: chrome.new_context(viewport={"width": width, "height": height}),
                )
                yield Browser(thread, context)
            finally:
                with trio.CancelScope(shield=True):
                    await in_thread(thread, chrome.close)
        finally:
            with trio.CancelScope(shield=True):
                await in_thread(thread, playwright.stop)
