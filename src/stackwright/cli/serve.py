"""``stackwright serve``: a plan that OpenAI's clients can call."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stackwright.cli.options import CatalogOption, JsonOption
from stackwright.cli.outcome import open_catalog, outcome
from stackwright.core.errors import Fault, InputError

if TYPE_CHECKING:
    from stackwright.twin.planned import Planned
    from stackwright.twin.replica import LiveStack

PACKAGES = ("fastapi", "httptools", "uvicorn")
LOOPBACK = "127.0.0.1"
COMMAND_LINE = "command line"

HostOption = Annotated[str, typer.Option("--host", help="Address to listen on; one that others reach needs a key.")]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 finds a free one.")]
CaseOption = Annotated[str | None, typer.Option("--case", help="A case of the plan; without it, the plan itself.")]
ConcurrencyOption = Annotated[
    float | None,
    typer.Option("--concurrency", metavar="N", min=1.0, help="Streams of clients that are the planned peak."),
]
WeightOption = Annotated[
    float | None, typer.Option("--weight", metavar="K", min=1.0, help="Requests that a client's one stands for.")
]
PatienceOption = Annotated[
    float | None,
    typer.Option("--patience", metavar="S", min=0.0, help="Seconds of the peak's requests that may wait."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--api-key", metavar="KEY", envvar="STACKWRIGHT_API_KEY", help="Key that clients have to send."),
]


def serve(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that plan wrote.")],
    host: HostOption = LOOPBACK,
    port: PortOption = 8000,
    case: CaseOption = None,
    concurrency: ConcurrencyOption = None,
    weight: WeightOption = None,
    patience: PatienceOption = None,
    api_key: KeyOption = None,
    catalog: CatalogOption = None,
    json: JsonOption = None,
) -> None:
    """Serve a plan as an OpenAI-compatible endpoint: synthetic text, each token at the plan's time."""
    with outcome(json) as output:
        _check_packages()
        open_catalog(catalog)
        from stackwright.twin.planned import read_planned
        from stackwright.twin.server import bound, endpoint, run

        _check(host, api_key, concurrency, weight)
        planned = read_planned(directory, case)
        stack = _stack(planned, weight=weight, concurrency=concurrency, patience=patience)
        app, ticker = endpoint(planned, stack, api_key or None)
        listening = bound(host, port)
        named = f"[{host}]" if ":" in host else host
        url = f"http://{named}:{listening.getsockname()[1]}/v1"
        told = {"url": url, "model": planned.model, "served": stack.described, "weight": stack.weight}

        def ready(_: object) -> None:
            ticker.start()
            output.json(told)
            output.console.print(f"{planned.model} at {url}\n{stack.described}", soft_wrap=True, markup=False)

        try:
            run(app, listening, ready)
        except KeyboardInterrupt:
            output.console.print("Stopped.")


def _check_packages() -> None:
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        remedy = "Install them: pip install 'stackwright[serve]'."
        raise _fault("serve", f"no {', '.join(missing)}", "the packages of the extra serve", remedy)


def _check(host: str, api_key: str | None, concurrency: float | None, weight: float | None) -> None:
    from stackwright.twin.server import is_loopback

    if not is_loopback(host) and not api_key:
        remedy = "Give a key with --api-key or in STACKWRIGHT_API_KEY; clients send it as theirs."
        raise _fault("--host", f"{host} without a key", "a key where others than this machine reach the port", remedy)
    if concurrency is not None and weight is not None:
        raise _fault("--concurrency, --weight", "both", "one of them", "Each follows from the other.")


def _stack(planned: Planned, **given: float | None) -> LiveStack:
    from stackwright.twin.replica import LiveStack

    asked: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return LiveStack(planned.replica, **asked)


def _fault(path: str, got: str, expected: str, remedy: str) -> InputError:
    return InputError([Fault(COMMAND_LINE, path, got, expected, remedy=remedy)])
