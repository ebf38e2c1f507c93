"""What ``@rpc`` may say, and what it makes of it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from multiplayer import Error, TransferMode, rpc
from multiplayer.scene import RpcConfig, RPCMode
from multiplayer.scene.methods.config import Local

from .worlds import error_of


def config(*words: Any) -> RpcConfig:
    @rpc(*words)
    def method(self: object) -> None: ...

    return method.config


def test_bare_and_empty_are_godot_s_defaults() -> None:
    @rpc
    def bare(self: object) -> None: ...

    default = RpcConfig(
        RPCMode.RPC_MODE_AUTHORITY, Local.NEVER, TransferMode.TRANSFER_MODE_RELIABLE, 0
    )
    assert bare.config == config() == default
    assert config("authority", "call_remote", "reliable", 0) == default


@pytest.mark.parametrize(
    "words", list(itertools.permutations(("any_peer", "call_local", "unreliable_ordered", 7)))
)
def test_words_come_in_any_order(words: tuple[object, ...]) -> None:
    assert config(*words) == RpcConfig(
        RPCMode.RPC_MODE_ANY_PEER,
        Local.ALWAYS,
        TransferMode.TRANSFER_MODE_UNRELIABLE_ORDERED,
        7,
    )


def test_each_word_says_one_thing() -> None:
    assert config("any_peer").mode == RPCMode.RPC_MODE_ANY_PEER
    assert config("call_local").local == Local.ALWAYS
    assert config("unreliable").transfer_mode == TransferMode.TRANSFER_MODE_UNRELIABLE
    assert config(255).channel == 255


@pytest.mark.parametrize(
    ("word", "mode", "local"),
    [
        ("remote", RPCMode.RPC_MODE_ANY_PEER, Local.NEVER),
        ("remotesync", RPCMode.RPC_MODE_ANY_PEER, Local.ALWAYS),
        ("master", RPCMode.RPC_MODE_MASTER, Local.WHERE_IT_APPLIES),
        ("mastersync", RPCMode.RPC_MODE_MASTER, Local.ALWAYS),
        ("puppet", RPCMode.RPC_MODE_AUTHORITY, Local.WHERE_IT_APPLIES),
        ("puppetsync", RPCMode.RPC_MODE_AUTHORITY, Local.ALWAYS),
    ],
)
def test_godot_3_s_words(word: str, mode: RPCMode, local: Local) -> None:
    assert (config(word).mode, config(word).local) == (mode, local)
    assert config("unreliable", word, 3).channel == 3


@pytest.mark.parametrize(
    "words",
    [
        ("Any_Peer",),
        ("any",),
        ("",),
        ("sync",),
        ("slave",),
        ("any_peer", "no_such"),
        ("any_peer", None),
        ("any_peer", ["call_local"]),
        ("any_peer", 1.0),
        ("any_peer", True),
        ("any_peer", lambda: None),
        (256,),
        (-1,),
    ],
)
def test_wrong_words(words: tuple[object, ...]) -> None:
    error = error_of(rpc, *words)
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "rpc" in error.message.lower()


@pytest.mark.parametrize(
    "words",
    [
        ("any_peer", "authority"),
        ("any_peer", "any_peer"),
        ("call_local", "call_remote"),
        ("reliable", "unreliable"),
        ("unreliable", "unreliable_ordered"),
        (1, 2),
        (0, 0),
        ("remote", "any_peer"),
        ("master", "puppet"),
        ("puppet", "call_local"),
        ("call_remote", "remotesync"),
    ],
)
def test_contradictions_and_repetitions(words: tuple[object, ...]) -> None:
    error = error_of(rpc, *words)
    assert error.code == Error.ERR_INVALID_PARAMETER
    assert "twice" in error.message


def _function(self: object) -> None: ...


@pytest.mark.parametrize(
    "decorated",
    [
        staticmethod(_function),
        classmethod(_function),
        property(_function),
        rpc(_function),
        3.5,
        None,
        ["any_peer"],
        int,
    ],
    ids=["static", "class", "property", "twice", "number", "nothing", "list", "type"],
)
def test_only_methods_can_be_decorated(decorated: Any) -> None:
    for decorate in (rpc, rpc("any_peer")):
        error = error_of(decorate, decorated)
        assert error.code == Error.ERR_INVALID_DECLARATION
        assert "method" in error.message


def test_a_function_without_an_object_is_no_method() -> None:
    def nothing() -> None: ...
    def keywords(*, x: int = 1) -> None: ...

    for function in (nothing, keywords):
        assert error_of(rpc, function).code == Error.ERR_INVALID_DECLARATION


def test_an_argument_that_cannot_be_sent_needs_a_default() -> None:
    def method(self: object, *, x: int) -> None: ...

    error = error_of(rpc, method)
    assert error.code == Error.ERR_INVALID_DECLARATION
    assert "x" in error.message
