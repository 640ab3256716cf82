"""The calls as a TypeScript program over `openapi-fetch`, so that the compiler holds each against the description."""

import json
from typing import Any

_START = """import createClient from "openapi-fetch";
import type { paths } from "./lens.js";

const keys: Record<string, string> = %s;
const clientOf = (role: string) =>
  createClient<paths>({ baseUrl: %s, headers: { Authorization: `Bearer ${keys[role]}` } });
const bytes = (text: unknown) => Buffer.from(String(text), "latin1");
let draft = "";
function expect(operation: string, status: number, answer: { response: Response; data?: unknown; error?: unknown }) {
  if (answer.response.status !== status) throw new Error(`${operation}: ${answer.response.status}`);
  if (answer.data === undefined && answer.error === undefined) throw new Error(`${operation}: nothing was read`);
}
"""


def typescript_of(told: dict[str, Any]) -> str:
    """The program that makes these calls."""
    lines = [_START % (json.dumps(told["keys"]), json.dumps(told["url"]))]
    lines += [_one_call(call) for call in told["calls"]]
    lines.append(f'console.log("TypeScript: {len(told["calls"])} calls made");')
    return "\n".join(lines)


def _one_call(call: dict[str, Any]) -> str:
    params = {kind: call[kind] for kind in ("path", "query") if call[kind]}
    options = [f"params: {json.dumps(params)}".replace('"{draft}"', "draft")] if params else []
    if call["lines"] is not None:
        options.append(f"body: {json.dumps(call['lines'])}, bodySerializer: bytes")
        options.append('headers: { "Content-Type": "application/octet-stream" }')
    elif call["body"] is not None:
        options.append(f"body: {json.dumps(call['body'])}")
    if call["operation"] in {"accept_release_batch", "get_liveness", "get_metrics"}:
        options.append('parseAs: "text"')
    address = json.dumps(call["address"])
    made = f"await clientOf({json.dumps(call['role'])}).{call['method'].upper()}({address}, {{ {', '.join(options)} }})"
    keep = "draft = answer.data!.version;" if call["operation"] == "draft_rulebook" else ""
    return f"{{ const answer = {made}; expect({json.dumps(call['operation'])}, {call['status']}, answer); {keep} }}"
