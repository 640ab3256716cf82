from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from fastapi.routing import APIRoute

from app.api.description.openapi import RELEASE_EXAMPLE
from app.api.endpoints import follow_up, inquiries, messages, pauses, work_items
from app.api.requests.problems import EXPLAINED
from app.decide.decide import Decider
from app.domain.codes import WORK_ITEMS
from app.domain.statuses import Status
from app.rulebook.language import grammar
from tests.api.serving import EXAMPLE, Service, as_json, release, serving


@pytest.fixture(scope="module")
def description(service: Service) -> dict[str, Any]:
    """The OpenAPI description as served, without a key."""
    with service.client(None) as client:
        answer = client.get("/openapi.json")
    described: dict[str, Any] = answer.json()
    return described


def references(node: object) -> Iterator[str]:
    """Every $ref in a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def schema(description: dict[str, Any], name: str) -> jsonschema_rs.Validator:
    """A validator of one of the description's schemas."""
    return jsonschema_rs.validator_for(
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/components/schemas/{name}"}
        | {"components": description["components"]}
    )


def test_the_description_is_openapi_3_1_and_whole(description: dict[str, Any]) -> None:
    """Every reference leads somewhere, every operation has a summary, a tag, answers, and problems of the one kind."""
    assert description["openapi"].startswith("3.1.")
    for reference in references(description):
        node: Any = description
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            assert set(operation["tags"]) <= {tag["name"] for tag in description["tags"]}
            assert operation["security"] == ([{"key": []}] if path.startswith("/v1/") else [])
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and path != "/readyz":
                    assert set(answer["content"]) == {"application/problem+json"}, (method, path, status)


OPERATIONS = [
    "accept_release",
    "accept_release_batch",
    "approve_rulebook",
    "assign_work_item",
    "cancel_release",
    "close_inquiry",
    "compare_rulebooks",
    "correct_release",
    "decide_release",
    "draft_rulebook",
    "get_inbound_text",
    "get_inquiry",
    "get_live_rulebook",
    "get_liveness",
    "get_message",
    "get_metrics",
    "get_readiness",
    "get_reconciliation_totals",
    "get_release",
    "get_rulebook",
    "get_work_item",
    "lift_work_item",
    "list_audit_entries",
    "list_inbound_texts",
    "list_inquiries",
    "list_messages",
    "list_pauses",
    "list_reconciliation",
    "list_rulebooks",
    "list_work_items",
    "pause_sending",
    "publish_rulebook",
    "reject_rulebook",
    "reject_work_item",
    "requeue_message",
    "resolve_work_item",
    "resume_sending",
    "roll_back_rulebook",
    "send_heartbeat",
]


def operations(description: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of a description."""
    for methods in description["paths"].values():
        yield from methods.values()


def fields(node: object) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of every object in a document, with its name."""
    if isinstance(node, dict):
        properties = node.get("properties", {})
        if all(isinstance(each, dict) for each in properties.values()):
            yield from properties.items()
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from fields(child)


def test_each_operation_has_a_name_of_its_own(description: dict[str, Any]) -> None:
    """Operation ids are verbs and nouns, and stay as they are: generated clients name their functions after them."""
    assert sorted(operation["operationId"] for operation in operations(description)) == OPERATIONS


def test_everything_is_described(description: dict[str, Any]) -> None:
    """No field, parameter, shape, header, tag or answer is without a description."""
    assert [name for name, field in fields(description) if not field.get("description")] == []
    shapes = description["components"]["schemas"]
    assert [name for name, shape in shapes.items() if not shape.get("description")] == []
    assert [tag["name"] for tag in description["tags"] if not tag.get("description")] == []
    for operation in operations(description):
        assert operation["description"]
        parts = [*operation.get("parameters", ()), *operation["responses"].values()]
        for answer in operation["responses"].values():
            parts += answer.get("headers", {}).values()
        assert [part for part in parts if not part.get("description")] == [], operation["operationId"]


def test_a_body_is_described_by_the_model_that_checks_it(service: Service, description: dict[str, Any]) -> None:
    """Each endpoint whose body a model checks has that model's shape as its body, and so no other."""
    checked = {}
    for resource in (follow_up, inquiries, messages, pauses, work_items):
        for route in resource.router.routes:
            assert isinstance(route, APIRoute)
            for dependency in route.dependant.dependencies:
                model = getattr(dependency.call, "model", None)
                if model is not None:
                    checked[route.operation_id] = f"#/components/schemas/{model.__name__}"
    described = {
        operation["operationId"]: operation["requestBody"]["content"]["application/json"]["schema"].get("$ref")
        for operation in operations(description)
        if operation["operationId"] in checked
    }
    assert len(checked) == 9
    assert described == checked
    with service.client() as client:
        answer = client.post("/v1/work-items/1/assign", json={"to": 1, "from": "x"})
    assert [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]] == [("", "unknown-field"), ("/to", "type")]


def test_where_the_service_is_stands_in_its_description(description: dict[str, Any], tmp_path: Path, decider: Decider) -> None:
    """`servers` leads to where the description came from, or to LENS_PUBLIC_URL."""
    assert [server["url"] for server in description["servers"]] == ["/"]
    with serving(tmp_path, decider, public_url="https://lens.example.gov/") as service, service.client(None) as client:
        servers = client.get("/openapi.json").json()["servers"]
    assert [server["url"] for server in servers] == ["https://lens.example.gov"]


def test_times_have_their_format(description: dict[str, Any]) -> None:
    """Every field that is named as a time is a date-time, and every one named as a day a date."""

    def formats(field: dict[str, Any]) -> set[str]:
        kinds = [field, *field.get("anyOf", ())]
        return {kind["format"] for kind in kinds if "format" in kind}

    for name, field in fields(description):
        if name in {"at", "since", "next_expected_by"} or name.endswith("_at"):
            assert formats(field) == {"date-time"}, name
        if name in {"as_of", "date_of_birth", "convicted_on"}:
            assert formats(field) == {"date"}, name


def test_what_has_few_values_is_an_enum(description: dict[str, Any]) -> None:
    """Statuses, types, copies, outcomes, kinds and codes list their values, as text."""
    statuses = [each.value for each in Status]
    shapes = description["components"]["schemas"]
    for shape in ("Message", "StoredMessage", "MessageWithHistory", "ReconciledMessage", "Event"):
        assert shapes[shape]["properties"]["status"]["enum"] == statuses
    for shape, field in (
        ("Decision", "outcome"),
        ("Message", "type"),
        ("Message", "copy"),
        ("WorkItem", "status"),
        ("Caution", "code"),
        ("Problem", "type"),
        ("StoredRelease", "mode"),
        ("RulebookVersion", "state"),
        ("PauseView", "source"),
        ("StoredArrival", "kind"),
        ("StoredWorkItem", "lift"),
    ):
        described = shapes[shape]["properties"][field]
        assert described["type"] == "string", (shape, field)
        assert len(described["enum"]) > 1, (shape, field)
    known, own = shapes["WorkItem"]["properties"]["code"]["anyOf"]
    assert known["enum"] == list(WORK_ITEMS)
    assert own["pattern"] == f"^{grammar.WORK_ITEM_CODE}$"
    assert shapes["Problem"]["properties"]["type"]["enum"] == sorted(f"/problems/{code}" for code in EXPLAINED)


def test_the_example_is_the_shipped_one_and_a_release(description: dict[str, Any]) -> None:
    """What /docs offers to send is docs/examples/release.json, and fits the schema beside it."""
    assert RELEASE_EXAMPLE == EXAMPLE
    schema(description, "Release").validate(RELEASE_EXAMPLE)


def test_answers_are_as_described(service: Service, description: dict[str, Any]) -> None:
    """Each kind of answer fits its schema."""
    with service.client() as client:
        decision = client.post("/v1/releases", content=as_json(release("D-1"))).json()
        schema(description, "Decision").validate(decision)
        schema(description, "Decision").validate(client.post("/v1/decisions", content=as_json(EXAMPLE)).json())
        schema(description, "Problem").validate(client.post("/v1/releases", content=b"{}").json())
        number = decision["messages"][0]["message_id"]
        for name, path in (
            ("StoredRelease", "/v1/releases/D-1"),
            ("MessagePage", "/v1/messages"),
            ("MessageWithHistory", f"/v1/messages/{number}"),
            ("ReconciliationPage", "/v1/reconciliation?state=TX"),
            ("Overview", "/v1/reconciliation/totals"),
            ("WorkItemPage", "/v1/work-items"),
            ("Rulebook", "/v1/rulebook"),
            ("AuditPage", "/v1/audit"),
            ("Health", "/readyz"),
            ("Problem", "/v1/releases/none"),
        ):
            schema(description, name).validate(client.get(path).json())


def test_the_docs_page_needs_nothing_from_elsewhere(service: Service) -> None:
    """The page and its files come from here, its policy forbids anything else, and no key is needed."""
    with service.client(None) as client:
        page = client.get("/docs")
        assert page.headers["content-type"].startswith("text/html")
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "//" not in page.text
        for name, kind in (
            ("swagger-ui.js", "text/javascript"),
            ("swagger-ui.css", "text/css"),
            ("start.js", "text/javascript"),
        ):
            asset = client.get(f"/docs/{name}")
            assert (asset.status_code, asset.headers["content-type"].partition(";")[0]) == (200, kind)
        for missing in ("/docs/other.js", "/docs/..%2f__init__.py"):
            assert client.get(missing).status_code == 404


def test_every_problem_type_leads_to_its_page(service: Service) -> None:
    """The `type` of a problem, resolved against the address asked, explains the code."""
    with service.client(None) as client:
        for code in EXPLAINED:
            assert client.get(f"/problems/{code}").text.startswith(code)
        answer = client.get("/nothing/here")
        assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")
        assert client.get(answer.json()["type"]).status_code == 200
