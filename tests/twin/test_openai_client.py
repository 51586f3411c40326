"""OpenAI's client against the endpoint: every shape it asks for, whole and as a stream."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import openai
import pytest
from endpoints import LONGEST, MODEL, Endpoint, Start
from steady import SteadyStack

from stackwright.twin import tokens

HELLO: list[Any] = [{"role": "user", "content": "hello there"}]


@pytest.fixture
def endpoint(start: Start) -> Endpoint:
    return start()


def test_models_name_the_plan_s_one(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        assert [model.id for model in client.models.list()] == [MODEL]
        assert client.models.retrieve(MODEL).id == MODEL
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("another")


def test_a_chat_has_exactly_the_tokens_asked_for(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        made = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=23)
    assert made.choices[0].message.content == tokens.synthetic(23)
    assert made.choices[0].finish_reason == "length"
    assert made.usage is not None
    assert (made.usage.prompt_tokens, made.usage.completion_tokens, made.usage.total_tokens) == (3, 23, 26)
    assert endpoint.stack.prompts == [3]


def test_a_stream_sends_a_chunk_a_token_and_then_the_usage(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        chunks = list(
            client.chat.completions.create(
                model=MODEL,
                messages=HELLO,
                max_completion_tokens=9,
                stream=True,
                stream_options={"include_usage": True},
            )
        )
    *sent, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in sent) == tokens.synthetic(9)
    assert [chunk.choices[0].finish_reason for chunk in sent] == [None] * 8 + ["length"]
    assert [chunk.choices[0].delta.role for chunk in sent] == ["assistant"] + [None] * 8
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens == 9
    assert len({chunk.id for chunk in chunks}) == 1


def test_a_stream_without_usage_has_none(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        chunks = list(client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=4, stream=True))
    assert len(chunks) == 4
    assert all(chunk.usage is None for chunk in chunks)


def test_plain_completions_take_text_and_tokens(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        words = client.completions.create(model=MODEL, prompt="x" * 41, max_tokens=2)
        listed = client.completions.create(model=MODEL, prompt=[5] * 41, max_tokens=2)
        nested = client.completions.create(model=MODEL, prompt=[[5] * 43], max_tokens=2)
        stream = client.completions.create(model=MODEL, prompt=["12345678"], max_tokens=2, stream=True)
        assert "".join(chunk.choices[0].text for chunk in stream) == tokens.synthetic(2)
    assert words.choices[0].text == tokens.synthetic(2)
    assert words.usage is not None
    assert listed.usage is not None
    assert nested.usage is not None
    assert (words.usage.prompt_tokens, listed.usage.prompt_tokens, nested.usage.prompt_tokens) == (11, 41, 43)
    assert endpoint.stack.prompts == [11, 41, 43, 2]


@pytest.mark.parametrize("streamed", [False, True])
def test_stop_ends_the_answer_and_is_not_sent(endpoint: Endpoint, streamed: bool) -> None:
    with endpoint.client() as client:
        made: Any = client.completions.create(
            model=MODEL, prompt="x", max_tokens=50, stop=["synthetic"], stream=streamed
        )
        choices = [chunk.choices[0] for chunk in made] if streamed else [made.choices[0]]
    assert "".join(choice.text for choice in choices) == "This text is "
    assert choices[-1].finish_reason == "stop"


def test_a_length_that_is_not_stated_is_drawn_from_the_demand(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        drawn = []
        for _ in range(20):
            made = client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"ignore_eos": True})
            assert made.choices[0].finish_reason == "stop"
            assert made.usage is not None
            drawn.append(made.usage.completion_tokens)
    assert set(drawn) == {5, 6}


def test_min_tokens_lengthens_what_is_drawn_and_must_not_exceed_what_is_asked(endpoint: Endpoint) -> None:
    with endpoint.client() as client:
        made = client.chat.completions.create(model=MODEL, messages=HELLO, extra_body={"min_tokens": 30})
        assert made.usage is not None
        assert made.usage.completion_tokens == 30
        with pytest.raises(openai.BadRequestError, match="min_tokens"):
            client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=3, extra_body={"min_tokens": 4})


def test_parts_and_tools_count_as_prompt(endpoint: Endpoint) -> None:
    parts: Any = [{"role": "user", "content": [{"type": "text", "text": "x" * 8}, {"type": "text", "text": "y"}]}]
    tool: Any = {"type": "function", "function": {"name": "f"}}
    with endpoint.client() as client:
        client.chat.completions.create(model=MODEL, messages=parts, max_tokens=1)
        client.chat.completions.create(model=MODEL, messages=parts, max_tokens=1, tools=[tool])
    without, with_tool = endpoint.stack.prompts
    assert without == 3
    assert with_tool > 10


@pytest.mark.parametrize(
    ("asked", "error", "code"),
    [
        ({"model": "another"}, openai.NotFoundError, "model_not_found"),
        ({"messages": []}, openai.BadRequestError, None),
        ({"max_tokens": 0}, openai.BadRequestError, None),
        ({"max_tokens": LONGEST}, openai.BadRequestError, "context_length_exceeded"),
        ({"n": 2}, openai.BadRequestError, None),
        ({"logprobs": True}, openai.BadRequestError, None),
        ({"response_format": {"type": "json_object"}}, openai.BadRequestError, None),
        ({"stop": [str(place) for place in range(5)]}, openai.BadRequestError, None),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, openai.BadRequestError, None),
    ],
)
def test_what_is_not_served_is_refused(endpoint: Endpoint, asked: Any, error: type, code: str | None) -> None:
    with endpoint.client() as client, pytest.raises(error) as refused:
        client.chat.completions.create(**{"model": MODEL, "messages": HELLO, "max_tokens": 4} | asked)
    assert isinstance(refused.value, openai.APIStatusError)
    assert refused.value.code == code
    assert endpoint.stack.prompts == []


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("chat/completions", {"stop": list("abcde")}, "stop: List should have at most 4 items"),
        ("chat/completions", {"stop": ""}, "stop: String should have at least 1 character"),
        ("chat/completions", {"stop": 7}, "stop: Input should be a valid string"),
        (
            "chat/completions",
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
            "messages.0.content.0.type: Input should be 'text'",
        ),
        ("completions", {"prompt": []}, "prompt: List should have at least 1 item"),
        ("completions", {"prompt": None}, "prompt: Input should be a valid string"),
    ],
)
def test_a_refusal_names_the_field_and_what_is_wrong_with_it(
    endpoint: Endpoint, path: str, asked: dict[str, Any], said: str
) -> None:
    with endpoint.http() as client:
        refused = client.post(f"/v1/{path}", json={"model": MODEL, "messages": HELLO, "prompt": "x"} | asked)
    error = refused.json()["error"]
    assert refused.status_code == 400
    assert error["message"].startswith(said)
    assert error["param"] == said.partition(":")[0]


def test_no_token_comes_before_its_time(start: Start) -> None:
    first, step = 0.15, 0.05
    endpoint = start(SteadyStack(first, step))
    with endpoint.client() as client:
        client.models.list()
        began = time.perf_counter()
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=5, stream=True)
        came = [time.perf_counter() - began for _ in stream]
    assert len(came) == 5
    assert all(when >= first + place * step for place, when in enumerate(came))


def test_a_full_queue_turns_requests_away(start: Start) -> None:
    endpoint = start(SteadyStack(first=60.0, most=3))

    async def crowd() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{endpoint.url}/v1", api_key="none", max_retries=0) as client:
            asked = [asyncio.create_task(client.chat.completions.create(model=MODEL, messages=HELLO)) for _ in range(5)]
            done, waiting = await asyncio.wait(asked, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
            while len(done) < 2:
                more, waiting = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_EXCEPTION)
                done |= more
            for task in waiting:
                task.cancel()
            return [task.exception() for task in done]

    refused = asyncio.run(crowd())
    assert len(refused) == 2
    for error in refused:
        assert isinstance(error, openai.RateLimitError)
        assert error.code == "rate_limit_exceeded"
        assert int(error.response.headers["retry-after"]) >= 1


def test_a_client_that_leaves_takes_its_request_with_it(start: Start) -> None:
    endpoint = start(SteadyStack(first=0.01, step=0.05))
    with endpoint.client() as client:
        stream = client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=2000, stream=True)
        next(iter(stream))
        stream.close()
    with endpoint.http() as http:
        until = time.monotonic() + 10
        while not endpoint.stack.cancelled and time.monotonic() < until:
            assert http.get("/health").status_code == 200
    assert endpoint.stack.cancelled == [0]
    assert endpoint.desk.engine.calls == {}


def test_the_asynchronous_client_streams_many_at_once(start: Start) -> None:
    endpoint = start(SteadyStack(first=0.05, step=0.01))

    async def one(client: openai.AsyncOpenAI, length: int) -> str:
        made = await client.chat.completions.create(model=MODEL, messages=HELLO, max_tokens=length, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in made])

    async def all_of_them() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{endpoint.url}/v1", api_key="none", max_retries=0) as client:
            return await asyncio.gather(*(one(client, length) for length in range(1, 21)))

    assert asyncio.run(all_of_them()) == [tokens.synthetic(length) for length in range(1, 21)]
