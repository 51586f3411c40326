"""Answers: which tokens a request gets, and their bytes on the wire.

The text is known before the first token is due, so all that is left to do per token is to join three byte strings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from stackwright.twin import tokens
from stackwright.twin.bodies import (
    ChatChoice,
    ChatCompletion,
    ChatMessage,
    FinishReason,
    TextChoice,
    TextCompletion,
    Usage,
)

DONE = b"data: [DONE]\n\n"
_HOLE = "\x00"

Kind = Literal["chat", "text"]


@dataclass(frozen=True)
class Text:
    """The words of an answer: how many tokens are made, and how many characters of them are sent."""

    tokens: int
    characters: int
    finish_reason: FinishReason

    @property
    def whole(self) -> str:
        """All of it."""
        return tokens.synthetic(self.tokens)[: self.characters]

    def piece(self, place: int) -> str:
        """What the token at a place sends: less than the token where a stop sequence cuts it."""
        return tokens.piece(place)[: max(0, self.characters - place * tokens.CHARACTERS)]


def text_of(length: int, reason: FinishReason, stops: list[str], least: int) -> Text:
    """The answer of `length` tokens, or up to the first stop sequence that ends after more than `least` tokens.

    The stop sequence itself is not sent; the tokens that made it count. Source: definition.
    """
    words = tokens.synthetic(length)
    ends = [(end, start) for stop in stops if (start := _find(words, stop, least)) >= 0 for end in [start + len(stop)]]
    if not ends:
        return Text(tokens=length, characters=len(words), finish_reason=reason)
    end, start = min(ends)
    return Text(tokens=tokens.count(words[:end]), characters=start, finish_reason="stop")


def _find(words: str, stop: str, least: int) -> int:
    """Where a stop sequence begins that ends after more than `least` tokens; -1 where there is none."""
    return words.find(stop, max(0, least * tokens.CHARACTERS - len(stop) + 1))


@dataclass(frozen=True)
class Answer:
    """One request's answer, whole or token by token."""

    kind: Kind
    id: str
    model: str
    created: int
    prompt_tokens: int
    text: Text
    streamed: bool
    with_usage: bool

    @property
    def usage(self) -> Usage:
        """The counts."""
        made = self.text.tokens
        return Usage(prompt_tokens=self.prompt_tokens, completion_tokens=made, total_tokens=self.prompt_tokens + made)

    def body(self) -> bytes:
        """The whole answer as JSON."""
        reason, words = self.text.finish_reason, self.text.whole
        about: dict[str, Any] = {"id": self.id, "created": self.created, "model": self.model, "usage": self.usage}
        made: ChatCompletion | TextCompletion
        if self.kind == "chat":
            choice = ChatChoice(message=ChatMessage(content=words), finish_reason=reason)
            made = ChatCompletion(choices=[choice], **about)
        else:
            made = TextCompletion(choices=[TextChoice(text=words, finish_reason=reason)], **about)
        return made.model_dump_json().encode()


class Chunks:
    """Server-sent events of an answer: one a token, then the usage where it was asked for, then the end.

    The first one of a chat names the role, the last one the reason of the end.
    """

    def __init__(self, answer: Answer) -> None:
        self.text = answer.text
        self.before, self.after = self._around(answer, None)
        self.before_first, _ = self._around(answer, None, role=True)
        _, self.after_last = self._around(answer, self.text.finish_reason)
        self.ending = (event(_usage_chunk(answer)) if answer.with_usage else b"") + DONE

    def between(self, first: int, last: int) -> bytes:
        """The events of the tokens from place `first` to before `last`; the end is behind the last token."""
        parts = []
        for place in range(first, last):
            parts.append(self.before if place else self.before_first)
            parts.append(json.dumps(self.text.piece(place)).encode())
            parts.append(self.after if place < self.text.tokens - 1 else self.after_last)
        if last == self.text.tokens:
            parts.append(self.ending)
        return b"".join(parts)

    @staticmethod
    def _around(answer: Answer, reason: FinishReason | None, *, role: bool = False) -> tuple[bytes, bytes]:
        """What stands before and after a token's text."""
        before, after = event(_token_chunk(answer, reason, role)).split(json.dumps(_HOLE).encode())
        return before, after


def event(data: dict[str, Any]) -> bytes:
    """A server-sent event."""
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def _about(answer: Answer) -> dict[str, Any]:
    word = "chat.completion.chunk" if answer.kind == "chat" else "text_completion"
    return {"id": answer.id, "object": word, "created": answer.created, "model": answer.model}


def _token_chunk(answer: Answer, reason: FinishReason | None, role: bool) -> dict[str, Any]:
    words: dict[str, Any]
    if answer.kind == "chat":
        words = {"delta": ({"role": "assistant"} if role else {}) | {"content": _HOLE}}
    else:
        words = {"text": _HOLE}
    choice = {"index": 0, **words, "logprobs": None, "finish_reason": reason}
    return _about(answer) | {"choices": [choice]} | ({"usage": None} if answer.with_usage else {})


def _usage_chunk(answer: Answer) -> dict[str, Any]:
    return _about(answer) | {"choices": [], "usage": answer.usage.model_dump()}
