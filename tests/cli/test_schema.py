"""`lens schema`: the schemas as files, and the settings of VS Code that say which is for what."""

import json
import signal
from pathlib import Path

import pytest

from tests.cli.conftest import Lens
from tests.cli.programs import Program, until
from tests.decide.scenario_books import book_folder
from tests.rulebook.shipped import copied

KINDS = {"facts", "ref_data", "rules", "messages", "scenarios", "corrections"}


def test_a_schema_for_each_kind(lens: Lens, tmp_path: Path) -> None:
    """Without a rulebook: six files, and the settings printed."""
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


def test_settings_with_comments_are_left_alone(lens: Lens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings that are not plain JSON stay as they are; what to put into them is told to be pasted, exit code 2."""
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / ".vscode" / "settings.json"
    path.parent.mkdir()
    path.write_text('{"editor.rulers": [128],  // mine\n}')
    code, _, err = lens("schema", "--vscode")
    assert (code, "not plain JSON" in err) == (2, True)
    assert "./.lens/schemas/rules.schema.json" in json.loads(err[err.index("{") :])["yaml.schemas"]
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


def test_schemas_follow_the_rulebook(tmp_path: Path) -> None:
    """`--watch` writes them again when a set, a row or a table is new; a rulebook that cannot be read leaves them as they are."""
    copied(tmp_path / "policy")
    reasons = tmp_path / "policy" / "ref_data" / "release_reasons.yaml"
    good = reasons.read_text()
    schema = tmp_path / "policy" / ".lens" / "schemas" / "rules.schema.json"
    with Program(tmp_path, ["schema", "--project", "policy", "--watch", "--vscode"]) as program:
        program.hears("watching; Ctrl-C ends")
        assert "release_reasons.on_parole" not in schema.read_text()
        reasons.write_text(good.replace("sets:\n", "sets:\n  on_parole: [PALF, PALS, PARO]\n"))
        program.hears("policy/.lens/schemas again")
        assert "release_reasons.on_parole" in schema.read_text()
        facilities = "kind: ref_data/v1\nname: facilities\ntitle: Facilities\ncolumns: {}\nrows: {FLO: {}}\nsets: {}\n"
        (tmp_path / "policy" / "ref_data" / "facilities.yaml").write_text(facilities)
        program.hears("policy/.lens/schemas again")
        assert "ref_data-facilities.schema.json" in (tmp_path / "policy" / ".vscode" / "settings.json").read_text()
        before = schema.read_text()
        (tmp_path / "policy" / "rules" / "messages.yaml").write_text("kind: [")
        until(lambda: "the schemas stay as they are" in program.log.read_text())
        assert schema.read_text() == before
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(20) == 0


def test_testing_again_writes_schemas_again(tmp_path: Path, lens: Lens) -> None:
    """`lens test --watch` keeps the schemas of .lens/schemas up to date, and makes none where there are none."""
    folder = book_folder(tmp_path / "book")
    schemas = folder / ".lens" / "schemas"
    with Program(tmp_path, ["test", str(folder), "--watch"]) as program:
        program.hears("watching; Ctrl-C ends")
        assert not schemas.exists()
        assert lens("schema", "--project", str(folder))[0] == 0
        holds = folder / "ref_data" / "holds.yaml"
        holds.write_text(holds.read_text().replace("sets:\n", "sets:\n  of_minors: [juvenile]\n"))
        program.hears("watching; Ctrl-C ends")
        assert "holds.of_minors" in (schemas / "rules.schema.json").read_text()
        program.process.send_signal(signal.SIGINT)
        assert program.process.wait(20) == 0
