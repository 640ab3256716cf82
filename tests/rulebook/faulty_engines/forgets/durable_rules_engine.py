"""Stands in for durable_rules in the child that tries a ruleset out: durable_rules itself, but the first rule is lost."""

import json
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

_HERE = Path(__file__).parent
_SPEC = PathFinder.find_spec("durable_rules_engine", [path for path in sys.path if path and Path(path).resolve() != _HERE])
if _SPEC is None or _SPEC.loader is None:
    raise ImportError("durable_rules is not installed")
_THIS = sys.modules[__name__]
_REAL = module_from_spec(_SPEC)
_SPEC.loader.exec_module(_REAL)
sys.modules[__name__] = _THIS  # a C module puts itself there

assert_fact = _REAL.assert_fact
start_action_for_state = _REAL.start_action_for_state
complete_and_start_action = _REAL.complete_and_start_action
delete_state = _REAL.delete_state


def create_ruleset(name: str, definition: str) -> int:
    """Creates the ruleset without its first rule."""
    rules = json.loads(definition)
    del rules["r0"]
    handle: int = _REAL.create_ruleset(name, json.dumps(rules))
    return handle
