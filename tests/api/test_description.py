from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from app.api.description.openapi import RELEASE_EXAMPLE
from app.api.requests.problems import EXPLAINED
from tests.api.serving import EXAMPLE, Service, as_json, release


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
