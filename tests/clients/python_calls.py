"""Makes every call with the generated Python client; run by __main__.py with the Python that has the client's parts.

`python python_calls.py CALLS.json`: the address, the keys by role, and the calls.
"""

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lens_client import AuthenticatedClient
from lens_client.types import File, Unset


def body_of(function: Callable[..., Any], call: dict[str, Any]) -> object:
    """The body as the function takes it."""
    if call["lines"] is not None:
        return File(payload=BytesIO(call["lines"].encode("latin-1")))
    hint = get_type_hints(function)["body"]
    models = [each for each in (get_args(hint) or (hint,)) if hasattr(each, "from_dict")]
    return models[0].from_dict(call["body"])


def as_parameter(hint: Any, value: object) -> object:  # noqa: ANN401 - a type or a union of some
    """A parameter as the function takes it: an enum, a date, or what it is."""
    kinds = [each for each in (get_args(hint) or (hint,)) if each not in {NoneType, Unset}]
    if not isinstance(value, str) or str in kinds or get_origin(kinds[0]) is Literal:
        return value
    kind = kinds[0]
    return kind.fromisoformat(value) if hasattr(kind, "fromisoformat") else kind(value)


def make(client: AuthenticatedClient, module: ModuleType, call: dict[str, Any]) -> object:
    """One call. Its answer, read by the client, must say the same as what came."""
    given = {**call["path"], **call["query"]}
    hints = get_type_hints(module._get_kwargs)
    values: dict[str, object] = {}
    for name, value in given.items():
        parameter = f"{name}_" if name in {"from", "for"} else name
        values[parameter] = as_parameter(hints[parameter], value)
    if call["lines"] is not None or call["body"] is not None:
        values["body"] = body_of(module.sync_detailed, call)
    answer = module.sync_detailed(client=client, **values)
    assert answer.status_code == call["status"], (call["operation"], answer.status_code, answer.content)
    if hasattr(answer.parsed, "to_dict"):
        came, read = json.loads(answer.content), answer.parsed.to_dict()
        assert read.keys() == came.keys(), (call["operation"], read.keys() ^ came.keys())
    else:
        assert answer.parsed, call["operation"]
    return answer.parsed


def main() -> None:
    """Every call, by clients with the keys of each role."""
    told = json.loads(Path(sys.argv[1]).read_text())
    with ExitStack() as stack:
        client_of = {
            role: stack.enter_context(
                AuthenticatedClient(base_url=told["url"], token=key, raise_on_unexpected_status=True, timeout=60)
            )
            for role, key in told["keys"].items()
        }
        make_all(client_of, told["calls"])
    print(f"Python: {len(told['calls'])} calls made")


def make_all(client_of: dict[str, AuthenticatedClient], calls: list[dict[str, Any]]) -> None:
    """The calls in turn; the version of the draft goes into those after it."""
    draft = ""
    for call in calls:
        call["path"] = {name: draft if value == "{draft}" else value for name, value in call["path"].items()}
        module = import_module(f"lens_client.api.{call['tag'].replace(' ', '_')}.{call['operation']}")
        answer = make(client_of[call["role"]], module, call)
        if call["operation"] == "draft_rulebook":
            draft = str(getattr(answer, "version", ""))


main()
