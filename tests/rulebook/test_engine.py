from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.rulebook.engine.durable import RULES_A_SET, EngineFault, Network, check_keys, try_out
from tests.rulebook.broken_cases import ENGINES
from tests.rulebook.shipped import ROOT

ONE_RULE = [("LENS-X10", ["t0"])]


def test_keys_that_look_the_same_are_refused() -> None:
    """durable_rules takes `yacxa` and `glbvs` for the same key, so no ruleset has both; either alone is fine."""
    with pytest.raises(EngineFault, match=r"cannot tell the keys .* apart"):
        Network([("LENS-X10", ["yacxa"]), ("LENS-X20", ["glbvs"])])
    check_keys({"yacxa", "t0", "t1"})
    check_keys({"glbvs", "p0"})


def test_a_key_that_looks_like_one_of_the_engines_own() -> None:
    """The engine's own keys are among those held against each other."""
    check_keys({"sid", "id", "__ev"})


def test_rules_hold_when_all_their_flags_are_up() -> None:
    """Each rule holds when all its flags are up, a rule without flags always; the answer is in the order given."""
    network = Network([("C", ["a", "b"]), ("A", ["b"]), ("B", [])])
    assert network.holding(["b"]) == ("A", "B")
    assert network.holding(["b", "a"]) == ("C", "A", "B")
    assert network.holding([]) == ("B",)
    assert network.holding(["unheard-of"]) == ("B",)
    network.close()


def test_many_rules_are_split() -> None:
    """More rules than one ruleset may hold are spread over several, and all hold at once where they should."""
    rules = [(f"R{number}", [f"f{number % 7}"]) for number in range(2 * RULES_A_SET + 3)]
    network = Network(rules)
    assert network.holding([f"f{number}" for number in range(7)]) == tuple(id for id, _ in rules)
    assert network.holding(["f3"]) == tuple(id for id, flags in rules if flags == ["f3"])
    network.close()


def test_no_rules_at_all() -> None:
    """A table with nothing but its otherwise asks the engine nothing wrong."""
    network = Network([])
    assert network.holding(["a"]) == ()
    network.close()


def test_many_threads_share_a_network() -> None:
    """Answers given to several threads at once are not mixed up."""
    network = Network([(f"R{number}", [f"f{number}"]) for number in range(20)])
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: network.holding([f"f{number % 20}"]), range(400)))
    assert answers == [(f"R{number % 20}",) for number in range(400)]
    network.close()


def test_a_network_given_up_does_not_answer() -> None:
    """Once freed, a network raises: its silence would look as if no rule held."""
    network = Network(ONE_RULE)
    network.close()
    with pytest.raises(EngineFault, match="given up"):
        network.holding([])


def test_a_child_answers_for_several_networks() -> None:
    """The child decides each case with the network it names."""
    assert try_out([ONE_RULE, [("LENS-Y10", ["t1"])]], [(0, ["t0"]), (1, ["t0"]), (1, ["t1"])], limit=30) == [
        ["LENS-X10"],
        [],
        ["LENS-Y10"],
    ]


@pytest.mark.parametrize(
    ("engine", "limit", "words"),
    [
        ("hangs", 1.0, "did not finish within 1 seconds"),
        ("aborts", 30.0, "ended with code -6"),
        ("fails", 30.0, "the ruleset is too large"),
    ],
)
def test_an_engine_that_fails_in_the_child(engine: str, limit: float, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hang, a crash and an error of the engine are faults of the rules tried, and this process goes on."""
    monkeypatch.setenv("PYTHONPATH", f"{ENGINES / engine}:{ROOT}")
    with pytest.raises(EngineFault, match=words):
        try_out([ONE_RULE], [(0, ["t0"])], limit)
    network = Network(ONE_RULE)
    assert network.holding(["t0"]) == ("LENS-X10",)
    network.close()


def test_a_child_out_of_time() -> None:
    """With no time at all the child is stopped and that is said."""
    with pytest.raises(EngineFault, match="did not finish within 0 seconds"):
        try_out([ONE_RULE], [(0, ["t0"])], limit=0.001)


def test_the_child_imports_nothing_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy folder may have files of any name; none of them is taken for a part of the program."""
    (tmp_path / "json.py").write_text("raise SystemExit('taken from the current folder')\n")
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert try_out([ONE_RULE], [(0, ["t0"])], limit=30) == [["LENS-X10"]]
