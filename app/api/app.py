"""The API: one FastAPI application over the parts it is given."""

from importlib.metadata import version

import msgspec
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from app.api.description import docs, openapi
from app.api.endpoints import (
    audit,
    decisions,
    follow_up,
    health,
    heartbeat,
    inquiries,
    messages,
    pauses,
    reconciliation,
    releases,
    work_items,
)
from app.api.endpoints.audit import AuditPage
from app.api.endpoints.decisions import ExplainedDecision
from app.api.endpoints.health import Health
from app.api.endpoints.inquiries import InboundPage, InquiryPage
from app.api.endpoints.messages import MessagePage
from app.api.endpoints.pauses import PauseList
from app.api.endpoints.reconciliation import ReconciliationPage
from app.api.endpoints.releases import BatchAnswer
from app.api.endpoints.work_items import WorkItemPage
from app.api.parts import JSON, Parts
from app.api.requests.envelope import Envelope
from app.api.requests.problems import on_bad_parameters, on_http_exception, on_lens_error
from app.api.rulebooks import rulebook_changes, rulebooks
from app.api.rulebooks.rulebooks import Rulebook, RulebookDiff, RulebookPage
from app.errors import LensError
from app.intake.work_item_in_full import WorkItemInFull
from app.store.accepted.releases import StoredRelease
from app.store.callers.feeds import HeartbeatAnswer
from app.store.desk.arrivals import ArrivalWithText
from app.store.desk.inquiries import Inquiry, InquiryWithText
from app.store.desk.work_items import StoredWorkItem
from app.store.ledger.messages import MessageWithHistory
from app.store.reads.reconciliation import Overview
from app.store.rulebooks.rulebook_reads import RulebookVersion, RulebookWithFiles

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
        contact={"name": "The administrators of this service"},
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
    _serve_description(app, parts)
    return Envelope(app, parts.metrics, releases.express)


def _root(parts: Parts) -> str:
    """Where callers reach the service: the address that is set, else where the description was read."""
    return (parts.about.public_url or "").rstrip("/") or "/"


def _serve_description(app: FastAPI, parts: Parts) -> None:
    described: list[bytes] = []

    async def description() -> Response:
        if not described:
            described.append(msgspec.json.encode(openapi.describe(app, _ANSWERED, _root(parts))))
        return Response(described[0], media_type=JSON)

    app.add_api_route("/openapi.json", description, include_in_schema=False)
