import httpx

from app.api.requests.guesses import FAILURES, WITHIN_SECONDS, Guesses
from tests.api.serving import Service

ADDRESS = "/v1/messages"


def ask(service: Service, key: str, source: str) -> httpx.Response:
    """A request with a key, by a proxy on this machine that says where it came from."""
    headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": source}
    return httpx.get(service.url + ADDRESS, headers=headers, verify=False)  # noqa: S501 - there is no TLS here


def test_after_five_bad_keys_a_source_is_refused(service: Service) -> None:
    """With how long to wait; a good key from there is let in all the same, and other sources are not touched. It is told once."""
    source, other = "203.0.113.7", "203.0.113.8"
    answers = [ask(service, f"guess-{place}", source) for place in range(FAILURES + 3)]
    assert [answer.status_code for answer in answers] == [401] * FAILURES + [429] * 3
    assert answers[-1].json()["type"] == "/problems/too-many-failures"
    assert 0 < int(answers[-1].headers["retry-after"]) <= WITHIN_SECONDS
    assert ask(service, service.keys["operator"], source).status_code == 200
    assert ask(service, "guess", source).status_code == 429
    assert ask(service, "guess", other).status_code == 401
    with service.client("auditor") as auditor:
        told = auditor.get("/v1/audit", params={"action": "limit_sign_ins"}).json()["items"]
    assert [row["object"] for row in told] == [f"source {source}"]


def test_a_request_without_a_key_is_no_guess(service: Service) -> None:
    """A probe that has none does not shut out whoever shares its address."""
    source = {"X-Forwarded-For": "203.0.113.9"}
    for _ in range(FAILURES + 1):
        assert httpx.get(service.url + ADDRESS, headers=source, verify=False).status_code == 401  # noqa: S501 - as above
    assert ask(service, "guess", "203.0.113.9").status_code == 401


def test_failures_are_forgotten_after_a_while() -> None:
    """A quarter of an hour after the first of five another may fail; those who begin again are told again."""
    now = [0.0]
    guesses = Guesses(lambda: now[0])
    assert [guesses.failed("a") for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert guesses.wait("a") == WITHIN_SECONDS
    assert guesses.wait("b") is None
    now[0] = WITHIN_SECONDS
    assert guesses.wait("a") is None
    assert [guesses.failed("a") for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]


def test_so_many_sources_are_known_at_a_time() -> None:
    """Memory is bounded: those that failed longest ago are forgotten."""
    guesses = Guesses(lambda: 0.0)
    for source in ["first", *map(str, range(20_000))]:
        for _ in range(FAILURES):
            guesses.failed(source)
    assert guesses.wait("first") is None
    assert guesses.wait("19999") is not None
