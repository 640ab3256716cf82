"""`make faults`: the long set of faults, one after the other, with a report. `--help` says what can be chosen."""

import argparse
import logging
import sys
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from tests.faults import long_deliveries, long_hosts, long_power, long_seeds, long_services
from tests.faults.planned import NotHere, Planned, Room
from tests.faults.report import Result, write_report

ALL: tuple[Planned, ...] = (
    *long_power.FAULTS,
    *long_deliveries.FAULTS,
    *long_services.FAULTS,
    *long_hosts.FAULTS,
    *long_seeds.FAULTS,
)


def tried(fault: Planned, scale: float) -> Result:
    """One fault, in a folder of its own."""
    begun = time.monotonic()
    with TemporaryDirectory(prefix="lens-faults-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # a program of another user may have its part in it
        try:
            figures = fault.run(Room(Path(folder), scale))
        except NotHere as error:
            return Result(name=fault.name, goal=fault.goal, result="not tried", seconds=0.0, figures={}, words=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, it goes into the report, and the next fault is tried
            return Result(
                name=fault.name,
                goal=fault.goal,
                result="FAILED",
                seconds=time.monotonic() - begun,
                figures={},
                words=traceback.format_exc(limit=-6),
            )
    return Result(name=fault.name, goal=fault.goal, result="passed", seconds=time.monotonic() - begun, figures=figures)


def main() -> int:
    """1 when a fault failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", default="", help="only faults whose name has these words")
    parser.add_argument("--scale", type=float, default=1.0, help="how much of each: 0.1 is a tenth")
    parser.add_argument("--report", type=Path, default=Path("build/faults"), help="folder for report.md and report.json")
    parser.add_argument("--list", action="store_true", help="name the faults and their goals, and end")
    chosen = parser.parse_args()
    faults = [fault for fault in ALL if chosen.only in fault.name]
    if chosen.list:
        print("\n".join(f"{fault.name}: {fault.goal}" for fault in faults))
        return 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    results: list[Result] = []
    for fault in faults:
        print(f"{fault.name} ...", end=" ", flush=True)
        results.append(tried(fault, chosen.scale))
        print(f"{results[-1].result} in {results[-1].seconds:.0f} s", flush=True)
        write_report(results, chosen.scale, chosen.report)
    print(f"report: {chosen.report}/report.md")
    return any(each.result == "FAILED" for each in results)


if __name__ == "__main__":
    sys.exit(main())
