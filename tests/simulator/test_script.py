import json

import pytest

from app.simulator.misbehaviour import Misbehaviour
from app.simulator.script import BadScript, NetworkChange, Script, ScriptedFault, ScriptStep, StateChange, read_script


def test_a_script_is_read_as_it_is_written() -> None:
    """Every trigger and every deed."""
    document = {
        "steps": [
            {"after_messages": 3, "fault": {"kind": "nak", "ori": "TX", "count": 2, "reason": "BUSY"}},
            {"after_seconds": 1.5, "state": {"code": "AZ", "down": "04"}},
            {"after_seconds": 2, "network": {"service": False, "until": "1800 EST"}},
            {"after_seconds": 3, "inject": "SM.NL0000000"},
            {"after_seconds": 4, "clear": True},
        ]
    }
    assert read_script(json.dumps(document).encode()) == Script(
        (
            ScriptStep(after_messages=3, fault=ScriptedFault(kind="nak", ori="TX", count=2, reason="BUSY")),
            ScriptStep(after_seconds=1.5, state=StateChange(code="AZ", down="04")),
            ScriptStep(after_seconds=2, network=NetworkChange(service=False, until="1800 EST")),
            ScriptStep(after_seconds=3, inject="SM.NL0000000"),
            ScriptStep(after_seconds=4, clear=True),
        )
    )


def test_every_faulty_step_is_named_at_once() -> None:
    """Two wrong steps are two lines; the right one between them is not mentioned."""
    document = {
        "steps": [
            {"after_messages": 1, "fault": {"kind": "explode"}},
            {"after_messages": 1, "clear": True},
            {"clear": True},
            {"after_messages": 1},
            {"after_messages": 1, "fault": {"kind": "lag"}},
            {"after_messages": 1, "fault": {"kind": "nak", "count": 0}},
            {"after_messages": 1, "fault": {"kind": "nak", "ori": "T"}},
        ]
    }
    with pytest.raises(BadScript) as refused:
        read_script(json.dumps(document).encode())
    lines = refused.value.detail.splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"steps[{place}]" for place in (0, 2, 3, 4, 5, 6)]
    assert "one of them" in lines[1]
    assert "needs seconds above 0" in lines[3]


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"step": []}', b'{"steps": 1}'])
def test_what_is_no_script_is_refused(raw: bytes) -> None:
    """JSON with one list of steps, nothing else."""
    with pytest.raises(BadScript):
        read_script(raw)


def test_the_newest_fault_that_fits_happens_and_is_used_up() -> None:
    """By ORI or its first letters, so many times, until it is spent or cleared."""
    faults = Misbehaviour()
    faults.add(ScriptedFault(kind="no_ack"))
    faults.add(ScriptedFault(kind="nak", ori="TX", count=2))
    faults.add(ScriptedFault(kind="cut_reading", count=1))
    kinds = [
        fault.kind for ori in ("TXSIR0000", "AZSIR0000", "TX0000000", "TXSIR0000") if (fault := faults.take(ori)) is not None
    ]
    assert kinds == ["nak", "no_ack", "nak", "no_ack"]
    assert (faults.take_reading(), faults.take_reading()) == (True, False)
    faults.clear()
    assert faults.take("TXSIR0000") is None
