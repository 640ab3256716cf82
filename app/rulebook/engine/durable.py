"""Holds durable_rules: the one door to its C extension. Run as a program it is the child that tries a ruleset out.

durable_rules is a fast Rete network that is sound on a narrow path and hangs, crashes or answers wrongly off it, so this module
keeps to the path (docs/explanation/durable-rules.md has the reasons): the C extension only; facts, not events; one session at a
time, deleted after; conditions rooted at an own property that is always true; a catch-all rule that fires last; at most 50
rules a ruleset; facts are flat flags that are only ever true, never a text anyone typed.
"""

import faulthandler
import json
import secrets
import subprocess
import sys
from collections.abc import Collection, Sequence
from threading import Lock

import durable_rules_engine

RULES_A_SET = 50
_ROOT = "__ev"
_LAST = "last"
_LAST_PRIORITY = 30_000

RuleFlags = Sequence[tuple[str, Sequence[str]]]
"""Rules as the engine knows them: an id, and the flags that must all be up for it to hold."""


class EngineFault(Exception):
    """durable_rules did not answer as it must: an error code, a crash, a hang, or an answer with no end."""


class Network:
    """Rules compiled into durable_rules rulesets. Give it flags, it says which rules hold. Safe to share between threads."""

    def __init__(self, rules: RuleFlags) -> None:
        check_keys({flag for _, flags in rules for flag in flags})
        self._lock = Lock()
        self._handles: list[tuple[int, list[str], frozenset[str]]] = []
        for portion in portions(rules):
            handle = durable_rules_engine.create_ruleset(f"lens-{secrets.token_hex(8)}", _ruleset(portion))
            needed = frozenset(flag for _, flags in portion for flag in flags)
            self._handles.append((handle, [id for id, _ in portion], needed))
        self.holding(())  # a first fact, so that no session is ever deleted before an action has run

    def holding(self, flags: Collection[str]) -> tuple[str, ...]:
        """The ids of the rules whose flags are all up, in the order given at the start. Raises EngineFault."""
        with self._lock:
            if not self._handles:
                raise EngineFault("these rules have been given up")
            return tuple(id for handle, ids, needed in self._handles for id in _fire(handle, ids, needed.intersection(flags)))

    def close(self) -> None:
        """Frees the rulesets. Whoever asks afterwards gets an EngineFault, never an empty answer."""
        with self._lock:
            for handle, *_ in self._handles:
                durable_rules_engine.delete_ruleset(handle)
            self._handles.clear()


def portions(rules: RuleFlags) -> list[RuleFlags]:
    """The rules as durable_rules holds them: each portion is a ruleset, which is only ever told of the flags its own rules need."""
    return [rules[start : start + RULES_A_SET] for start in range(0, len(rules), RULES_A_SET) or range(1)]


def _ruleset(rules: RuleFlags) -> str:
    definition: dict[str, object] = {
        f"r{index}": {"all": [{"m": {"$and": [{_ROOT: 1}, *({flag: 1} for flag in flags)]}}], "pri": index}
        for index, (_, flags) in enumerate(rules)
    }
    definition[_LAST] = {"all": [{"m": {"$and": [{_ROOT: 1}]}}], "pri": _LAST_PRIORITY}
    return json.dumps(definition)


def _fire(handle: int, ids: list[str], flags: Collection[str]) -> list[str]:
    session = secrets.token_hex(8)
    fact = json.dumps({"sid": session, "id": "1", _ROOT: 1, **dict.fromkeys(sorted(flags), 1)})
    fired = []
    try:
        _, state = durable_rules_engine.assert_fact(handle, fact)
        first = durable_rules_engine.start_action_for_state(handle, state)
        action = first[1] if first else None
        for _ in range(len(ids) + 2):
            if action is None:
                break
            fired.append(next(iter(json.loads(action))))
            action = durable_rules_engine.complete_and_start_action(handle, state)
    except Exception as error:
        raise EngineFault(f"durable_rules answered with an error: {error}") from error
    finally:
        durable_rules_engine.delete_state(handle, session)
    if not fired or fired[-1] != _LAST:
        raise EngineFault("durable_rules did not come to its last rule")
    return [ids[index] for index in sorted(int(name[1:]) for name in fired[:-1])]


def check_keys(keys: Collection[str]) -> None:
    """Raises EngineFault when two keys look the same to durable_rules, which compares them by a 32-bit hash (FNV-1a) only."""
    seen: dict[int, str] = {}
    for key in (_ROOT, "sid", "id", *keys):
        other = seen.setdefault(_fnv1a(key), key)
        if other != key:
            raise EngineFault(f"durable_rules cannot tell the keys {other} and {key} apart")


def _fnv1a(text: str) -> int:
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 % 2**32
    return value


def try_out(networks: Sequence[RuleFlags], cases: Sequence[tuple[int, Sequence[str]]], limit: float) -> list[list[str]]:
    """Decides cases (index of the network, flags up) in a child process, so that a hang or a crash is not ours.

    Returns the rules that hold in each case. Raises EngineFault when the child hangs longer than `limit` seconds, crashes, or
    says that durable_rules failed.
    """
    question = json.dumps({"networks": networks, "cases": cases})
    command = [
        sys.executable,
        "-P",
        "-X",
        "faulthandler",
        "-m",
        "app.rulebook.engine.durable",
    ]  # -P: never from the current folder
    try:
        done = subprocess.run(  # noqa: S603 - this very program, with no word from outside
            command, input=question, capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        raise EngineFault(f"durable_rules did not finish within {limit:.0f} seconds") from None
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no word of why"]
        raise EngineFault(f"durable_rules ended with code {done.returncode}: {last[0]}")
    answers: list[list[str]] = json.loads(done.stdout)
    return answers


def _child() -> None:
    faulthandler.enable()
    question = json.load(sys.stdin)
    networks = [Network(rules) for rules in question["networks"]]
    json.dump([networks[index].holding(flags) for index, flags in question["cases"]], sys.stdout)


if __name__ == "__main__":
    _child()
