"""The desk of the endpoint: what becomes of a request between its body and the scheduler."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Sequence

from stackwright.twin import tokens
from stackwright.twin.answers import Answer, Kind, Text, text_of
from stackwright.twin.bodies import Asked, ChatAsked, FinishReason, ModelCard, TextAsked
from stackwright.twin.engine import Call, Engine
from stackwright.twin.refusals import Refusal, no_room, overloaded, too_long, unknown_model
from stackwright.twin.replica import OverloadedError, TooLongError
from stackwright.twin.streaming import Delivery


class Desk:
    """Takes requests in: checks them, counts their tokens, settles their answers, hands them to the engine.

    Where a request does not say how long its answer is to be, its length is drawn from `outputs`, the lengths
    of the plan's demand.
    """

    def __init__(self, engine: Engine, *, model: str, longest: int, outputs: Sequence[int], seed: int) -> None:
        self.engine, self.model, self.longest, self.outputs = engine, model, longest, outputs
        self.created = int(time.time())
        self._draw = random.Random(seed)

    def chat(self, asked: ChatAsked) -> Delivery:
        """The answer to a chat."""
        most = asked.max_completion_tokens or asked.max_tokens
        prompt = sum(tokens.count(text) for message in asked.messages for text in message.texts)
        if asked.tools:
            prompt += tokens.count(json.dumps(asked.tools))
        return self._deliver("chat", asked, prompt, most)

    def text(self, asked: TextAsked) -> Delivery:
        """The answer to a plain prompt."""
        return self._deliver("text", asked, _tokens_of(asked.prompt), asked.max_tokens)

    def card(self) -> ModelCard:
        """The model that is served."""
        return ModelCard(id=self.model, created=self.created, max_model_len=self.longest)

    def _deliver(self, kind: Kind, asked: Asked, prompt: int, most: int | None) -> Delivery:
        if asked.model != self.model:
            raise unknown_model(asked.model, self.model)
        prompt, least = max(prompt, 1), asked.min_tokens or 0
        length, reason = self._length(prompt, most, least)
        if prompt + max(length, least) > self.longest:
            raise too_long(prompt, max(length, least), self.longest)
        text = text_of(length, reason, asked.stops, least)
        call = self._submit(prompt, text)
        answer = Answer(
            kind=kind,
            id=f"{'chatcmpl' if kind == 'chat' else 'cmpl'}-{uuid.uuid4().hex}",
            model=self.model,
            created=int(time.time()),
            prompt_tokens=prompt,
            text=text,
            streamed=bool(asked.stream),
            with_usage=asked.wants_usage,
        )
        return Delivery(self.engine, call, answer)

    def _submit(self, prompt: int, text: Text) -> Call:
        try:
            return self.engine.submit(prompt, text.tokens, text.finish_reason)
        except OverloadedError as error:
            raise overloaded(error.retry_after) from None
        except TooLongError:
            raise no_room(prompt, text.tokens) from None

    def _length(self, prompt: int, most: int | None, least: int) -> tuple[int, FinishReason]:
        """Tokens of an answer before stop sequences, and what ends it."""
        if most is not None:
            if least > most:
                raise Refusal(400, f"min_tokens ({least}) is above max_tokens ({most}).", param="min_tokens")
            return most, "length"
        drawn, room = max(self._draw.choice(self.outputs), least), self.longest - prompt
        return (drawn, "stop") if drawn <= room else (max(room, 1), "length")


def _tokens_of(prompt: str | list[int] | list[str] | list[list[int]]) -> int:
    """Tokens of a plain prompt or a list of one: text by the endpoint's rule, a list of tokens as many as it has."""
    if isinstance(prompt, str):
        return tokens.count(prompt)
    return sum(1 if isinstance(item, int) else _tokens_of(item) for item in prompt)
