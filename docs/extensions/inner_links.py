"""Every link of the built site that stays within it leads to a page, and to an anchor there."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from sphinx.errors import SphinxError

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class BrokenLinksError(SphinxError):
    """Links that lead nowhere."""

    category = "broken links"


class Page(HTMLParser):
    """The anchors and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what it can be reached by, and what it leads to."""
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            elif value and name == ("href" if tag in {"a", "link"} else "src"):
                self.links.append(value)


def broken(site: Path) -> list[str]:
    """The links that lead nowhere, as "page: link"."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    found: list[str] = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchors = pages[target].anchors if target in pages else set[str]()
            if not target.is_file() or (parts.fragment and unquote(parts.fragment) not in anchors):
                found.append(f"{path.relative_to(site)}: {link}")
    return found


def check(app: Sphinx, failure: Exception | None) -> None:
    """Fail a build that has made a page with such a link."""
    if failure is None and app.builder.format == "html":
        found = broken(Path(app.outdir).resolve())
        if found:
            raise BrokenLinksError("\n".join(found))


def setup(app: Sphinx) -> dict[str, Any]:
    """Check the links once all pages are written."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
