"""Lexers for what pages fence and Pygments does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pygments.lexers.gdscript import GDScriptLexer
from pygments.lexers.special import TextLexer
from pygments.token import Name

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# The examples of the protocol pages, which tests read.
PLAIN = ("examples", "headers", "queries", "words")


class Godot4Lexer(GDScriptLexer):
    """GDScript with the annotations of Godot 4, such as ``@rpc``."""

    name = "GDScript"
    aliases = ("gdscript",)
    tokens = {  # noqa: RUF012
        **GDScriptLexer.tokens,
        "root": [(r"@\w+", Name.Decorator), *GDScriptLexer.tokens["root"]],
    }


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx of them."""
    for name in PLAIN:
        app.add_lexer(name, TextLexer)
    app.add_lexer("gdscript", Godot4Lexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
