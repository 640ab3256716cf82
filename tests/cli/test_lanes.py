from pathlib import Path

from tests.cli.conftest import Lens
from tests.dispatch.outbox_rows import AZ, queue, store_in


def test_a_lane_is_paused_and_resumed(lens: Lens, tmp_path: Path) -> None:
    """Each command prints what then stands; a misspelt ORI and an empty reason are told."""
    store = store_in(tmp_path)
    queue(store, [AZ])
    store.close()
    code, out, _ = lens("lanes", "pause", AZ.lower(), "--reason", "asked for")
    assert (code, f"{AZ}  operator  since" in out, out.endswith(": asked for\n")) == (0, True, True)
    assert lens("lanes", "pause", "all", "--reason", "drill")[1].startswith("all        operator")
    assert lens("lanes", "resume", "all", "--reason", "over")[0] == 0
    assert lens("lanes", "resume", AZ, "--reason", "over")[1] == "Nothing is paused.\n"
    assert lens("lanes", "resume", AZ, "--network", "--reason", "over")[::2] == (
        1,
        f"lens: No pause of lane {AZ} was set by the network.\n",
    )
    assert lens("lanes", "pause", "AZSIR000O", "--reason", "asked for")[0] == 1
    assert lens("lanes", "pause", AZ, "--reason", " ")[0] == 2
