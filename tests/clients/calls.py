"""Every call of the API once, as both generated clients make them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.api.serving import EXAMPLE, Service, as_json, release
from tests.api.test_rulebooks import changed, live, tarred

Json = dict[str, Any]


class Call(NamedTuple):
    """One call: by whom, with what, and the status it must have. `lines` is a body of bytes, `body` one of JSON."""

    operation: str
    status: int
    role: str = "operator"
    path: Mapping[str, object] = MappingProxyType({})
    query: Mapping[str, object] = MappingProxyType({})
    body: Json | None = None
    lines: bytes | None = None


REASON = {"reason": "As agreed by telephone."}


def held_items(service: Service) -> list[int]:
    """The work items of three releases that wait for a person."""
    items = []
    with service.client("system_of_record") as client:
        for number in range(3):
            sent = client.post("/v1/releases", json=release(f"HELD-{number}", holds=["juvenile"]))
            items.append(int(sent.json()["work_items"][0]["id"]))
    return items


def first_message(service: Service) -> str:
    """The number of a message that waits in its lane."""
    with service.client("system_of_record") as client:
        return str(client.post("/v1/releases", json=release("QUEUED")).json()["messages"][0]["message_id"])


def all_calls(service: Service) -> list[Call]:
    """Every operation once, in an order in which each can be done."""
    lifted, rejected, resolved = held_items(service)
    return [
        *_calls_about_releases(),
        *_calls_about_messages(first_message(service)),
        *_calls_about_work_items(lifted, rejected, resolved),
        *_calls_about_rulebooks(live(service)),
        Call("list_audit_entries", 200, "auditor", query={"limit": 5, "order": "newest"}),
        Call("get_liveness", 200),
        Call("get_readiness", 200, query={"for": "accepting"}),
        Call("get_metrics", 200),
    ]


def _calls_about_releases() -> list[Call]:
    sender = "system_of_record"
    sent = {"release_id": "SENT"}
    moved = EXAMPLE["residence"] | {"state": "NM"}
    batch = as_json(release("LINE-1")) + b"\n" + as_json({"release_id": "LINE-2"}) + b"\n"
    return [
        Call("accept_release", 201, sender, body=release("SENT")),
        Call("accept_release_batch", 200, sender, lines=batch),
        Call("decide_release", 200, "policy", query={"explain": "full", "as_of": "2026-11-24"}, body=release("DRY")),
        Call("get_release", 200, sender, path=sent),
        Call("correct_release", 201, sender, path=sent, body=release("SENT", residence=moved)),
        Call("cancel_release", 201, sender, path=sent, body=REASON),
        Call("send_heartbeat", 200, sender, body={"count": 1, "sent_at": "2026-11-23T11:00:00-07:00"}),
    ]


def _calls_about_messages(number: str) -> list[Call]:
    return [
        Call("list_messages", 200, query={"state": "TX", "limit": 3, "from": "2026-01-01"}),
        Call("get_message", 200, path={"message_id": number}),
        Call("requeue_message", 409, path={"message_id": number}, body=REASON),
        Call("list_reconciliation", 200, query={"state": "TX"}),
        Call("get_reconciliation_totals", 200),
        Call("list_pauses", 200),
        Call("pause_sending", 200, path={"scope": "all"}, body=REASON),
        Call("resume_sending", 200, path={"scope": "all"}, query={"source": "operator"}, body=REASON),
    ]


def _calls_about_work_items(lifted: int, rejected: int, resolved: int) -> list[Call]:
    return [
        Call("list_work_items", 200, query={"status": "open", "overdue": False}),
        Call("get_work_item", 200, path={"id": lifted}),
        Call("assign_work_item", 200, path={"id": lifted}, body={"to": "night shift"}),
        Call("lift_work_item", 200, path={"id": lifted}, body=REASON),
        Call("reject_work_item", 200, path={"id": rejected}, body=REASON),
        Call("resolve_work_item", 200, path={"id": resolved}, body=REASON),
        Call("list_inquiries", 200, query={"status": "open"}),
        Call("get_inquiry", 404, path={"id": 999}),
        Call("close_inquiry", 404, path={"id": 999}, body=REASON),
        Call("list_inbound_texts", 200, query={"kind": "AM"}),
        Call("get_inbound_text", 404, path={"id": 999}),
    ]


def _calls_about_rulebooks(before: str) -> list[Call]:
    draft = tarred(changed("INFORMATION ONLY", "FOR INFORMATION"))
    version = {"version": before}
    return [
        Call("get_live_rulebook", 200, "policy"),
        Call("list_rulebooks", 200, "policy"),
        Call("get_rulebook", 200, "policy", path=version),
        Call("draft_rulebook", 201, "policy", query={"title": "Another wording"}, lines=draft),
        Call("compare_rulebooks", 200, "policy", path={"a": before, "b": "{draft}"}),
        Call("approve_rulebook", 200, "approver", path={"version": "{draft}"}, body={"diff_seen": before}),
        Call("publish_rulebook", 200, "approver", path={"version": "{draft}"}, body={}),
        Call("roll_back_rulebook", 200, "approver", path={"version": "{draft}"}, body=REASON),
        Call("reject_rulebook", 200, "approver", path={"version": "{draft}"}, body={"comment": "Not needed."}),
    ]
