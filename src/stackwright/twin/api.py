"""The endpoint's paths: OpenAI's, vLLM's, and what a planned stack has beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from stackwright import __version__
from stackwright.twin.bodies import ChatAsked, ChatCompletion, ModelCard, ModelList, TextAsked, TextCompletion
from stackwright.twin.desk import Desk
from stackwright.twin.limits import Guard, Limits
from stackwright.twin.metrics import CONTENT_TYPE
from stackwright.twin.refusals import BAD_REQUEST, ErrorBody, Refusal, invalid, unknown_model

REFUSED: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request is refused: what is wrong with it, or with its time."}
}


class Health(BaseModel):
    """That the endpoint is up, and what it is."""

    status: str
    served: str


def application(desk: Desk, *, served: str, limits: Limits, key: str | None, more: Iterable[APIRouter] = ()) -> Guard:
    """The endpoint behind its limits; `served` says in plain words what stands behind it, `more` are further paths."""
    app = FastAPI(
        title="Stackwright: a planned stack",
        version=__version__,
        description=served,
        docs_url=None,
        redoc_url=None,
        responses=REFUSED,
    )
    app.include_router(_inference(desk))
    app.include_router(_state(desk, served))
    for router in more:
        app.include_router(router)
    _refuse_in_one_shape(app)
    _name_the_model(app, desk)
    return Guard(app, limits, key)


def _inference(desk: Desk) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.get("/models")
    async def models() -> ModelList:
        """The models of the plan: one."""
        return ModelList(data=[desk.card()])

    @router.get("/models/{model:path}")
    async def model(model: str) -> ModelCard:
        """One model."""
        if model != desk.model:
            raise unknown_model(model, desk.model)
        return desk.card()

    @router.post("/chat/completions", response_model=None, responses=_answers(ChatCompletion))
    async def chat(asked: ChatAsked) -> Response:
        """Answer a chat."""
        return desk.chat(asked)

    @router.post("/completions", response_model=None, responses=_answers(TextCompletion))
    async def completions(asked: TextAsked) -> Response:
        """Go on with a text."""
        return desk.text(asked)

    return router


def _answers(whole: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    event = {"type": "object", "properties": {"data": {"type": "string"}}, "required": ["data"]}
    stream = {"text/event-stream": {"schema": event}}
    return {200: {"model": whole, "content": stream, "description": "The answer; with `stream`, an event a token."}}


def _state(desk: Desk, served: str) -> APIRouter:
    router = APIRouter()

    @router.get("/health")
    async def health() -> Health:
        """That the endpoint is up; asked without a key."""
        return Health(status="ok", served=served)

    @router.get("/metrics", response_class=PlainTextResponse)
    async def metrics() -> Response:
        """Counts and times, in Prometheus' format."""
        return Response(desk.engine.exposition(desk.model), media_type=CONTENT_TYPE)

    return router


def _name_the_model(app: FastAPI, desk: Desk) -> None:
    """The schema says which model there is."""
    for name in ("ChatAsked", "TextAsked"):
        asked = app.openapi()["components"]["schemas"][name]["properties"]
        asked["model"] = {"type": "string", "enum": [desk.model]}


def _refuse_in_one_shape(app: FastAPI) -> None:
    """All errors in the shape that OpenAI's clients read."""

    @app.exception_handler(Refusal)
    async def refused(request: Request, error: Refusal) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: RequestValidationError) -> Response:
        return invalid(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def elsewhere(request: Request, error: HTTPException) -> Response:
        refusal = Refusal(error.status_code, str(error.detail), kind=BAD_REQUEST, headers=error.headers)
        return refusal.response()
