"""Following up a release that was sent before: correcting it, cancelling it."""

from fastapi import APIRouter, Request, Response

from app.api.description.openapi import REPLAYED, TAKES_REASON, TAKES_RELEASE, answers, with_body
from app.api.endpoints.releases import REPLAY, ReleaseId
from app.api.parts import JSON, Parts, Wired
from app.api.requests.auth import Caller, Corrector
from app.api.requests.bodies import read_body
from app.api.requests.filters import Unfiltered
from app.api.requests.models import Reason
from app.intake.follow_up import Requester, cancel, correct
from app.store.accepted.follow_up import Followed
from app.store.ledger.release_versions import newest_version

router = APIRouter(tags=["releases"])


@router.post(
    "/v1/releases/{release_id}/correction",
    operation_id="correct_release",
    status_code=201,
    summary="Correct a release",
    responses=answers("Decision", "Corrected; the messages are those of this correction.", 201, with_body(404, 409)) | REPLAYED,
    openapi_extra=TAKES_RELEASE,
)
async def post_correction(request: Request, parts: Wired, caller: Corrector, release_id: ReleaseId, _: Unfiltered) -> Response:
    """Decides the corrected release, whole, and tells who was told: CORRECTION, CANCEL, or NEW to a state told nothing yet.

    What was not sent yet is cancelled. The content that stands already gives 200 and sends nothing; a cancelled release 409.
    Roles: system_of_record (what it sent itself), operator.
    """
    raw = await read_body(request)
    before = await parts.look(lambda connection: newest_version(connection, release_id))
    given = (release_id, raw, requester(caller)._replace(before=before), parts.clock, parts.guards)
    followed = await correct(parts.writer, parts.decider(), *given)
    return _answer(parts, "correction", followed)


@router.post(
    "/v1/releases/{release_id}/cancellation",
    operation_id="cancel_release",
    status_code=201,
    summary="Cancel a release",
    responses=answers("Decision", "Cancelled; the messages are the CANCELs.", 201, with_body(404, 409)) | REPLAYED,
    openapi_extra=TAKES_REASON,
)
async def post_cancellation(parts: Wired, caller: Corrector, body: Reason, release_id: ReleaseId, _: Unfiltered) -> Response:
    """Sends a CANCEL to every state told, and cancels what was not sent. A second cancellation gives 200 and sends nothing.

    The outcome is `do_not_notify`, because no rule but a person said so. Roles: system_of_record (what it sent itself), operator.
    """
    given = (release_id, body.reason, requester(caller), parts.clock, parts.guards)
    followed = await cancel(parts.writer, parts.decider(), *given)
    return _answer(parts, "cancellation", followed)


def requester(caller: Caller) -> Requester:
    """The caller as who follows up: unless it is an operator, only what it sent itself."""
    return Requester(caller.name, own="operator" not in caller.roles)


def _answer(parts: Parts, kind: str, followed: Followed) -> Response:
    if followed.queued:
        parts.queued()
    if followed.kind == "replay":
        return Response(followed.answer_json, 200, REPLAY, JSON)
    parts.metrics.followed(kind)
    return Response(followed.answer_json, 201, media_type=JSON)
