"""`lens schema`: the schemas as files, and the settings of VS Code that say which is for what."""

import json
from pathlib import Path

from tests.cli.conftest import Lens
from tests.rulebook.shipped import copied

KINDS = {"facts", "ref_data", "rules", "messages", "scenarios"}


def test_a_schema_for_each_kind(lens: Lens, tmp_path: Path) -> None:
    """Without a rulebook: five files, and the settings printed."""
    code, out, _ = lens("schema", "--out", "made")
    assert code == 0
    assert {path.name for path in (tmp_path / "made").iterdir()} == {f"{kind}.schema.json" for kind in KINDS}
    settings = json.loads(out[out.index("{") :])
    assert settings["yaml.schemas"]["./made/scenarios.schema.json"] == ["/rules/scenarios/*.yaml"]
    assert not (tmp_path / ".vscode").exists()


def test_the_names_of_a_project(lens: Lens, tmp_path: Path) -> None:
    """With a rulebook: its rules and sets are in the schemas, beside it, and each table has its own."""
    copied(tmp_path / "policy")
    assert lens("schema", "--project", "policy")[0] == 0
    made = tmp_path / "policy" / ".lens" / "schemas"
    assert '"LENS-E10"' in (made / "rules.schema.json").read_text()
    assert '"charges.violent_or_serious"' in (made / "rules.schema.json").read_text()
    assert {path.name for path in made.iterdir()} >= {"ref_data-states.schema.json", "ref_data-charges.schema.json"}


def test_settings_of_vs_code_are_joined(lens: Lens, tmp_path: Path) -> None:
    """`--vscode` keeps what stands in the settings, replaces what it wrote before, and can be repeated."""
    copied(tmp_path)
    path = tmp_path / ".vscode" / "settings.json"
    path.parent.mkdir()
    mine = {"editor.rulers": [128], "yaml.schemas": {"mine.json": "/x.yaml", "./.lens/schemas/old.schema.json": ["/y.yaml"]}}
    path.write_text(json.dumps(mine))
    assert lens("schema", "--project", ".", "--vscode")[0] == 0
    first = path.read_text()
    settings = json.loads(first)
    assert settings["editor.rulers"] == [128]
    assert settings["yaml.schemas"]["mine.json"] == "/x.yaml"
    assert settings["yaml.schemas"]["./.lens/schemas/ref_data-states.schema.json"] == ["/ref_data/states.yaml"]
    assert "./.lens/schemas/old.schema.json" not in settings["yaml.schemas"]
    assert lens("schema", "--project", ".", "--vscode")[0] == 0
    assert path.read_text() == first


def test_settings_with_comments_are_left_alone(lens: Lens, tmp_path: Path) -> None:
    """Settings that are not plain JSON stay as they are; what to put into them is told, exit code 2."""
    path = tmp_path / ".vscode" / "settings.json"
    path.parent.mkdir()
    path.write_text('{"editor.rulers": [128],  // mine\n}')
    code, _, err = lens("schema", "--vscode")
    assert (code, "not plain JSON" in err, "yaml.schemas" in err) == (2, True, True)
    assert path.read_text() == '{"editor.rulers": [128],  // mine\n}'


def test_a_rulebook_with_faults(lens: Lens, tmp_path: Path) -> None:
    """One that can be read in part gives what it can and says so; one that cannot is an error."""
    copied(tmp_path / "policy")
    rules = tmp_path / "policy" / "rules" / "eligibility.yaml"
    rules.write_text(rules.read_text().replace("release_reasons.into_us", "release_reasons.in_us", 1))
    code, _, err = lens("schema", "--project", "policy")
    assert (code, "has errors" in err) == (0, True)
    (tmp_path / "policy" / "rules" / "messages.yaml").unlink()
    code, _, err = lens("schema", "--project", "policy")
    assert (code, "cannot be read" in err) == (1, True)
