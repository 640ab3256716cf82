"""`make clients`: the OpenAPI description is linted, and generated clients in Python and TypeScript make every call.

What generates and lints is pinned here and in package.json, and installed below build/clients. Without Node the parts that need
it are not run, which is said.
"""

import json
import logging
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import structlog

from tests.api.serving import Service, serving, the_decider
from tests.clients.calls import Call, all_calls
from tests.clients.typescript import typescript_of

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "clients"
PYTHON_TOOLS = ("openapi-python-client==0.29.1", "mypy==2.4.1")
LICENCE = "info-license"
"""The one finding that stays: which licence LENS has is its owner's to say."""


class Faulty(Exception):
    """Something that the description or a client made from it gets wrong."""


class NotHere(Exception):
    """Something that is needed cannot be had on this machine."""


def run(*command: str | Path, folder: Path = BUILD) -> str:
    """What a command prints. Raises Faulty where it fails."""
    done = subprocess.run([str(each) for each in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Faulty(f"{' '.join(map(str, command[:3]))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def install(*command: str | Path) -> None:
    """Installs something. Raises NotHere where it cannot be had."""
    try:
        run(*command)
    except Faulty as fault:
        raise NotHere(str(fault)) from None


def check_python(description: Path, service: Service, calls: list[Call]) -> None:
    """A Python client is generated without a warning, has sound types, and makes every call."""
    tools = BUILD / "python"
    if not (tools / "bin/openapi-python-client").exists():
        venv.create(tools, with_pip=True)
        install(tools / "bin/pip", "install", "--quiet", *PYTHON_TOOLS)
    shutil.rmtree(BUILD / "lens_client", ignore_errors=True)
    config = BUILD / "generator.json"
    config.write_text(json.dumps({"post_hooks": []}))  # they only tidy what is thrown away here
    output = ("--output-path", BUILD / "lens_client", "--meta", "none", "--config", config)
    told = run(tools / "bin/openapi-python-client", "generate", "--path", description, *output)
    if "warning" in told.lower():
        raise Faulty(f"the Python generator warns:\n{told}")
    run(tools / "bin/mypy", "--config-file", "", "-p", "lens_client")
    told_calls = BUILD / "calls.json"
    told_calls.write_text(json.dumps(as_told(description, service, calls)))
    script = shutil.copy(HERE / "python_calls.py", BUILD)
    print(run(tools / "bin/python", "-W", "error", script, told_calls), end="")


def as_told(description: Path, service: Service, calls: list[Call]) -> dict[str, Any]:
    """The calls as JSON, each with its tag, method and address."""
    known = {
        operation["operationId"]: {"tag": operation["tags"][0], "method": method, "address": address}
        for address, operations in json.loads(description.read_text())["paths"].items()
        for method, operation in operations.items()
    }
    missing = known.keys() ^ {call.operation for call in calls}
    if missing:
        raise Faulty(f"these calls are not made, or not described: {', '.join(sorted(missing))}")
    told = []
    for call in calls:
        lines = None if call.lines is None else call.lines.decode("latin-1")
        given = {"path": dict(call.path), "query": dict(call.query), "lines": lines}
        told.append({**call._asdict(), **known[call.operation], **given})
    return {"url": service.url, "keys": service.keys, "calls": told}


def install_node_tools() -> Path:
    """The tools of package.json; where they are."""
    shutil.copy(HERE / "package.json", BUILD)
    install("npm", "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts")
    return BUILD / "node_modules/.bin"


def lint(tools: Path, description: Path) -> None:
    """Spectral and Redocly find nothing but the licence."""
    (BUILD / "spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    run(tools / "spectral", "lint", description, "--ruleset", "spectral.yaml", "--fail-severity", "hint")
    printed = run(tools / "redocly", "lint", description, "--extends", "recommended", "--format", "json")
    problems = json.loads(printed[printed.index("{") : printed.rindex("}") + 1])["problems"]
    found = sorted({problem["ruleId"] for problem in problems} - {LICENCE})
    if found:
        raise Faulty(f"redocly finds {', '.join(found)}")
    print("Spectral and Redocly: nothing but the licence")


def check_typescript(tools: Path, description: Path, service: Service, calls: list[Call]) -> None:
    """A TypeScript client is generated, every call has the types it asks for, and makes it."""
    lint(tools, description)
    run(tools / "openapi-typescript", description, "--output", "lens.ts")
    (BUILD / "calls.ts").write_text(typescript_of(as_told(description, service, calls)))
    options = ("--strict", "--module", "nodenext", "--moduleResolution", "nodenext", "--target", "es2022")
    run(tools / "tsc", *options, "--types", "node", "--skipLibCheck", "calls.ts", "lens.ts")
    print(run("node", "calls.js"), end="")


def served(folder: str, step: Any, *given: Any) -> None:  # noqa: ANN401 - one of the steps above
    """Does a step with a service of its own."""
    with serving(Path(folder), the_decider()) as service:
        description = BUILD / "lens.json"
        description.write_text(httpx.get(f"{service.url}/openapi.json").text)
        step(*given, description, service, all_calls(service))


def try_python(folder: str) -> None:
    """The part that needs Python alone."""
    served(folder, check_python)


def try_node(folder: str) -> None:
    """The part that needs Node. Raises NotHere without it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise NotHere("there is no node or npm")
    served(folder, check_typescript, install_node_tools())


def main() -> int:
    """All of it; 1 where something is wrong. What cannot be had is named, and is no fault."""
    BUILD.mkdir(parents=True, exist_ok=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    faulty = False
    for name, step in (("the Python client", try_python), ("Spectral, Redocly, the TypeScript client", try_node)):
        try:
            with TemporaryDirectory() as folder:
                step(folder)
        except NotHere as missing:
            print(f"{name}: NOT RUN: {missing}")
        except Faulty as fault:
            print(fault, file=sys.stderr)
            faulty = True
    return int(faulty)


if __name__ == "__main__":
    sys.exit(main())
