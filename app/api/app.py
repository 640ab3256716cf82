"""The API: one FastAPI application over the parts it is given."""

from importlib.metadata import version

import msgspec
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app.api import (
    audit,
    decisions,
    docs,
    follow_up,
    health,
    heartbeat,
    inquiries,
    messages,
    openapi,
    pauses,
    reconciliation,
    releases,
    rulebook_changes,
    rulebooks,
    work_items,
)
from app.api.audit import AuditPage
from app.api.decisions import ExplainedDecision
from app.api.envelope import Envelope
from app.api.health import Health
from app.api.inquiries import InboundPage, InquiryPage
from app.api.messages import MessagePage
from app.api.parts import JSON, Parts
from app.api.pauses import PauseList
from app.api.problems import on_bad_parameters, on_http_exception, on_lens_error
from app.api.reconciliation import ReconciliationPage
from app.api.releases import BatchAnswer
from app.api.rulebooks import Rulebook, RulebookDiff, RulebookPage
from app.api.work_items import WorkItemPage
from app.errors import LensError
from app.store.arrivals import ArrivalWithText
from app.store.feeds import HeartbeatAnswer
from app.store.inquiries import Inquiry, InquiryWithText
from app.store.lifting import WorkItemInFull
from app.store.messages import MessageWithHistory
from app.store.reconciliation import Overview
from app.store.releases import StoredRelease
from app.store.rulebook_reads import RulebookVersion, RulebookWithFiles
from app.store.work_items import StoredWorkItem

_ANSWERED: tuple[type, ...] = (
    ArrivalWithText,
    AuditPage,
    BatchAnswer,
    ExplainedDecision,
    Health,
    HeartbeatAnswer,
    InboundPage,
    Inquiry,
    InquiryPage,
    InquiryWithText,
    MessagePage,
    MessageWithHistory,
    Overview,
    PauseList,
    ReconciliationPage,
    StoredRelease,
    Rulebook,
    RulebookDiff,
    RulebookPage,
    RulebookVersion,
    RulebookWithFiles,
    WorkItemPage,
    StoredWorkItem,
    WorkItemInFull,
)


def build_app(parts: Parts) -> ASGIApp:
    """The application. It starts and stops nothing: the parts are at work already, and outlive it."""
    app = FastAPI(
        title="LENS",
        version=version("lens"),
        summary="Releases in, decisions out; notices go to the states concerned.",
        description="To try it out, give your key with *Authorize*. `docs/reference/http-api.md` says what each role may do; the `type` "
        "of a problem is an address of this service that explains it.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it would hand addresses with queries to others
    )
    app.state.parts = parts
    app.state.watched = health.Watched(parts)
    app.add_exception_handler(LensError, on_lens_error)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(RequestValidationError, on_bad_parameters)
    for resource in (
        releases,
        follow_up,
        heartbeat,
        decisions,
        messages,
        pauses,
        reconciliation,
        work_items,
        inquiries,
        rulebooks,
        rulebook_changes,
        audit,
        health,
        docs,
    ):
        app.include_router(resource.router)
    for (method, path), endpoint in releases.express.items():
        app.add_api_route(path, endpoint, methods=[method], include_in_schema=False)  # for the answer to other methods
    _serve_description(app)
    return Envelope(app, parts.metrics, releases.express)


def _serve_description(app: FastAPI) -> None:
    described: list[bytes] = []

    async def description() -> Response:
        if not described:
            described.append(msgspec.json.encode(openapi.describe(app, _ANSWERED)))
        return Response(described[0], media_type=JSON)

    app.add_api_route("/openapi.json", description, include_in_schema=False)
