"""What the folder held and was not taken stands in the audit trail: once for each content, however often it is looked at."""

from collections import Counter

from app.errors import Refused
from app.publishing.desk import Desk
from app.rulebook.bundles.bundle import Bundle
from app.rulebook.bundles.versions import FOLDER
from app.store.ledger.audit import AuditEntry
from app.store.rulebooks.rulebook_refusals import note_once
from app.store.rulebooks.rulebooks import LABEL_TAKEN, Barred

CODES_KEPT = 20


def codes_of(refused: Refused) -> dict[str, object]:
    """What the trail keeps of why a rulebook was refused: the codes of its faults with their counts, never their words."""
    codes = Counter(fault.code for fault in refused.faults)
    return {"codes": dict(codes.most_common(CODES_KEPT)), "faults": len(refused.faults)}


def note_refusal(desk: Desk, bundle: Bundle | None, error: Refused | Barred) -> None:
    """Puts it into the trail that what the folder holds is not used, and why; `bundle` is None where it could not be read."""
    if isinstance(error, Barred) and error.why == LABEL_TAKEN:
        return  # the store has noted this one
    detail = codes_of(error) if isinstance(error, Refused) else {"codes": {error.why: 1}, "faults": 1}
    if bundle is not None:
        detail["sha256"] = bundle.sha256
    target = "rulebook" if bundle is None else f"rulebook {bundle.version}"
    entry = AuditEntry(
        at=desk.clock(), actor=FOLDER, action="take_in_rulebook", target=target, outcome="refused", detail=detail
    )
    desk.writer.do_and_wait(note_once, entry)
