"""Locust's users of a served plan: each asks for a streamed completion, reads it, and asks again."""

from __future__ import annotations

import json
import random
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from locust import HttpUser, events, task

CHARACTERS = 4
"""Of a prompt, per token of the endpoint."""


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--model", help="the model that the endpoint serves")
    parser.add_argument("--lengths", help="a JSON file with the tokens of prompts and answers, input and output")


class Reader(HttpUser):
    """A user that waits for an answer, however long it takes, before the next request."""

    lengths: dict[str, list[int]]

    def on_start(self) -> None:
        """Read the lengths."""
        self.lengths = json.loads(Path(self.environment.parsed_options.lengths).read_text(encoding="utf-8"))

    @task
    def completion(self) -> None:
        """One streamed completion; its first token is an entry of its own in Locust's statistics."""
        place = random.randrange(len(self.lengths["input"]))
        asked = {
            "model": self.environment.parsed_options.model,
            "prompt": "x" * (CHARACTERS * self.lengths["input"][place]),
            "max_tokens": self.lengths["output"][place],
            "stream": True,
        }
        began = time.perf_counter()
        with self.client.post("/completions", json=asked, stream=True, name="answer", catch_response=True) as answer:
            tokens = self._read(answer, began)
            if tokens != asked["max_tokens"]:
                answer.failure(f"{answer.status_code}, {tokens} of {asked['max_tokens']} tokens")

    def _read(self, answer: Any, began: float) -> int:
        tokens = 0
        for line in answer.iter_lines():
            if b'"finish_reason"' not in line:
                continue
            tokens += 1
            if tokens == 1:
                milliseconds = 1e3 * (time.perf_counter() - began)
                self.environment.events.request.fire(
                    request_type="SSE",
                    name="first token",
                    response_time=milliseconds,
                    response_length=0,
                    exception=None,
                )
        return tokens
