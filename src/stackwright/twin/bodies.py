"""What clients send and get, as OpenAI's API has it.

Fields that could only change the words of an answer are taken and do nothing, as its text is synthetic; those that
would promise something of its words, or several answers, are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MOST_STOPS = 4


def _whole(value: object) -> object:
    """JSON knows no integers apart from numbers: 5.0 is one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _no(value: bool) -> bool:
    if value:
        raise ValueError("not served")
    return value


No = Annotated[bool, AfterValidator(_no), Field(json_schema_extra={"const": False})]
Whole = Annotated[int, BeforeValidator(_whole)]
One = Annotated[Whole, Field(ge=1, le=1)]
Stop = Annotated[str, Field(min_length=1, max_length=1000)]
Token = Annotated[Whole, Field(ge=0)]
Tokens = Annotated[list[Token], Field(min_length=1)]
OnePrompt = Field(min_length=1, max_length=1)


class StreamOptions(BaseModel):
    """Options of a stream."""

    model_config = ConfigDict(strict=True)

    include_usage: bool | None = None


class Asked(BaseModel):
    """What chat and plain completions have in common."""

    model_config = ConfigDict(strict=True, extra="allow")

    model: str = Field(max_length=256)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Whole | None = Field(None, ge=1, description="Tokens of the answer: exactly so many are sent.")
    min_tokens: Whole | None = Field(None, ge=0, description="No stop sequence ends the answer before so many.")
    ignore_eos: bool | None = Field(None, description="Taken; the synthetic text has no end-of-sequence token.")
    stop: Stop | Annotated[list[Stop], Field(max_length=MOST_STOPS)] | None = None
    n: One | None = Field(None, description="One answer a request.")
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    presence_penalty: float | None = Field(None, ge=-2, le=2)
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    seed: Whole | None = None
    user: str | None = None

    @property
    def stops(self) -> list[str]:
        """The sequences that end the answer."""
        if self.stop is None:
            return []
        return [self.stop] if isinstance(self.stop, str) else self.stop

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with the counts."""
        return bool(self.stream_options and self.stream_options.include_usage)


class TextPart(BaseModel):
    """A part of a message; only text is served."""

    model_config = ConfigDict(strict=True, extra="allow")

    type: Literal["text"]
    text: str


class Message(BaseModel):
    """One message of a chat."""

    model_config = ConfigDict(strict=True, extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[TextPart] | None = None

    @property
    def texts(self) -> list[str]:
        """The pieces of text in it."""
        if self.content is None:
            return []
        return [self.content] if isinstance(self.content, str) else [part.text for part in self.content]


class ResponseFormat(BaseModel):
    """What the answer is to look like; only free text is served."""

    model_config = ConfigDict(strict=True)

    type: Literal["text"]


class ChatAsked(Asked):
    """Body of a chat completion."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: Whole | None = Field(None, ge=1, description="As max_tokens, which it goes before.")
    logprobs: No | None = Field(None, description="Synthetic text has no likelihood.")
    response_format: ResponseFormat | None = None
    tools: list[dict[str, Any]] | None = Field(None, description="Counted as a part of the prompt; none is called.")


class TextAsked(Asked):
    """Body of a plain completion."""

    prompt: str | Tokens | Annotated[list[str], OnePrompt] | Annotated[list[Tokens], OnePrompt]
    echo: No | None = Field(None, description="The prompt is not sent back.")
    logprobs: Annotated[Whole, Field(ge=0, le=0)] | None = Field(None, description="Synthetic text has no likelihood.")
    best_of: One | None = None


class Usage(BaseModel):
    """Tokens of a request."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


FinishReason = Literal["stop", "length"]


class ChatMessage(BaseModel):
    """The answer of a chat."""

    role: Literal["assistant"] = "assistant"
    content: str


class ChatChoice(BaseModel):
    """The one answer of a chat completion."""

    index: Literal[0] = 0
    message: ChatMessage
    logprobs: None = None
    finish_reason: FinishReason


class ChatCompletion(BaseModel):
    """A chat completion, whole."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


class TextChoice(BaseModel):
    """The one answer of a plain completion."""

    index: Literal[0] = 0
    text: str
    logprobs: None = None
    finish_reason: FinishReason


class TextCompletion(BaseModel):
    """A plain completion, whole."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[TextChoice]
    usage: Usage


class ModelCard(BaseModel):
    """A model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: Literal["stackwright"] = "stackwright"
    max_model_len: int


class ModelList(BaseModel):
    """All models that are served: the plan's one."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
