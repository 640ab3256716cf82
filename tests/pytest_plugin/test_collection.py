import shutil
from pathlib import Path

import pytest

from tests.decide.scenario_books import BROKEN, CASES, FAULTY, NEAR, SCENARIOS, WRONG, book_folder

pytest_plugins = ["pytester"]


def in_folder(pytester: pytest.Pytester, *words: str) -> pytest.RunResult:
    """Runs pytest in a folder of its own, away from LENS's own settings."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *words)


def test_off_unless_asked(pytester: pytest.Pytester) -> None:
    """Beside a rulebook, another suite is collected as if the plug-in were not there."""
    book_folder(pytester.path)
    pytester.makepyfile("def test_other(): pass")
    in_folder(pytester).assert_outcomes(passed=1)


def test_off_it_loads_nothing(pytester: pytest.Pytester) -> None:
    """Until it is asked, pytest loads nothing of LENS but the plug-in's few lines."""
    pytester.makepyfile("""
        import sys
        def test_nothing_loaded():
            loaded = {name for name in sys.modules if name == "app" or name.startswith("app.")}
            assert loaded <= {"app", "app.pytest_plugin"}
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_each_case_and_promise_is_a_test(pytester: pytest.Pytester) -> None:
    """With `--lens` every case is a test under its sentence, and every promise; other tests run beside them."""
    book_folder(pytester.path / "policy")
    pytester.makepyfile("def test_other(): pass")
    found = in_folder(pytester, "--lens", "-v")
    found.assert_outcomes(passed=CASES + 2)
    found.stdout.fnmatch_lines(
        [
            "*few_test.yaml::Both states are told PASSED*",
            "*few_test.yaml::A hold is looked at by a person [[]hold juvenile] PASSED*",
            "*few_test.yaml::Nothing is sent for a person with a hold PASSED*",
        ]
    )


def test_a_missing_line_shows_the_notice(pytester: pytest.Pytester) -> None:
    """Where a line of a notice was expected otherwise, the nearest line and the whole notice are shown."""
    book_folder(pytester.path, NEAR)
    in_folder(pytester, "--lens").stdout.fnmatch_lines(
        ["  text: *the nearest line is 'NAM/SAMPLE, PAT Q'*", "  the message to AZSIR0000:", "    AM.VTINS07S0.AZSIR0000.*"]
    )


def test_a_failure_shows_expected_and_found(pytester: pytest.Pytester) -> None:
    """A failure says what was expected and found, by which rules, in which case, and where; nothing of LENS's inside."""
    book_folder(pytester.path, WRONG, BROKEN)
    found = in_folder(pytester, "--lens")
    found.assert_outcomes(passed=CASES - 1, failed=2)
    found.stdout.fnmatch_lines(
        [
            "rules/scenarios/few_test.yaml:8:11",
            "  sends_to: expected [[]AZSIR0000, NESIR0000], found [[]AZSIR0000, NBSIR0000]",
            "  because LENS-E10, LENS-R10, LENS-R30",
            "  case: released 2025-11-03, charge 0902 convicted, *",
            "rules/scenarios/few_test.yaml:19:11",
            "  broken in * cases, for example: *",
        ]
    )
    found.stdout.no_fnmatch_line("*Traceback*")
    found.stdout.no_fnmatch_line("*NotAsExpected*")


def test_a_faulty_rulebook_is_one_error(pytester: pytest.Pytester) -> None:
    """However many scenario files there are, a rulebook that cannot be used is one error with all its problems."""
    folder = book_folder(pytester.path, FAULTY)
    shutil.copy(folder / "rules/scenarios/few_test.yaml", folder / "rules/scenarios/more_test.yaml")
    found = in_folder(pytester, "--lens")
    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(["The rulebook in * has errors.", "error[[]R113]: there is no rule `LENS-E31`", "*--> rules/*"])


def test_the_setting_names_one_rulebook(pytester: pytest.Pytester) -> None:
    """`lens_rulebook` runs the scenarios of one folder, from its settings file; another rulebook is left alone."""
    book_folder(pytester.path / "policy")
    book_folder(pytester.path / "draft", FAULTY)
    pytester.makeini("[pytest]\nlens_rulebook = policy\n")
    in_folder(pytester).assert_outcomes(passed=CASES + 1)
    in_folder(pytester, "policy/rules/scenarios/few_test.yaml::Both states are told").assert_outcomes(passed=1)


def test_a_setting_that_names_no_rulebook(pytester: pytest.Pytester) -> None:
    """It is wrong use, told in one line."""
    pytester.makeini("[pytest]\nlens_rulebook = nowhere\n")
    found = in_folder(pytester)
    assert found.ret == pytest.ExitCode.USAGE_ERROR
    found.stderr.fnmatch_lines(["*lens_rulebook: * does not hold rules/ and ref_data/*"])


def test_a_file_of_another_name_and_yaml_that_is_no_scenario(pytester: pytest.Pytester) -> None:
    """A file below rules/ that says it holds scenarios is collected whatever its name; rules, and YAML elsewhere, are not."""
    folder = book_folder(pytester.path)
    (folder / "rules/scenarios/few_test.yaml").rename(folder / "rules/also.yml")
    (folder / "notes_test.yaml").write_text(SCENARIOS)
    found = in_folder(pytester, "--lens", "--collect-only", "-q")
    assert {line.partition("::")[0] for line in found.outlines if "::" in line} == {"rules/also.yml"}


def test_choosing_stopping_and_reporting(pytester: pytest.Pytester) -> None:
    """-k chooses by words of the sentence, -x stops at the first failure, JUnit XML has each case."""
    book_folder(pytester.path, WRONG)
    in_folder(pytester, "--lens", "-k", "Nebraska or juvenile").assert_outcomes(passed=1, failed=1, deselected=CASES - 1)
    in_folder(pytester, "--lens", "-x").assert_outcomes(passed=1, failed=1)
    in_folder(pytester, "--lens", "--junit-xml", "out.xml")
    written = Path(pytester.path / "out.xml").read_text()
    assert 'tests="7"' in written
    assert 'name="Nebraska is NB on Nlets"' in written
    assert "expected [AZSIR0000, NESIR0000]" in written


def test_that_no_scenario_was_found_is_said(pytester: pytest.Pytester) -> None:
    """`--lens` in a folder without a rulebook is green by other tests alone, so it says where it looked and what to do."""
    pytester.makepyfile("def test_other(): pass")
    found = in_folder(pytester, "--lens")
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(
        ["LENS: no scenario was tried: pytest looked in * and found no rulebook with scenarios; name its folder*"]
    )


def test_that_pytest_looks_elsewhere_is_said(pytester: pytest.Pytester) -> None:
    """A rulebook named in the settings that lies outside of `testpaths` is told; a single test asked for tells nothing."""
    book_folder(pytester.path / "policy")
    pytester.mkdir("unit").joinpath("test_other.py").write_text("def test_other(): pass")
    pytester.makeini("[pytest]\nlens_rulebook = policy\ntestpaths = unit")
    found = in_folder(pytester)
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(
        ["LENS: no scenario was tried: pytest looked in unit and found no scenarios of policy, which lens_rulebook*"]
    )
    single = in_folder(pytester, "unit/test_other.py")
    single.assert_outcomes(passed=1)
    single.stdout.no_fnmatch_line("LENS:*")


def test_that_another_rulebook_is_passed_over_is_said(pytester: pytest.Pytester) -> None:
    """Scenarios of another rulebook than the one named are not run, which is said with its folder."""
    book_folder(pytester.path / "policy")
    book_folder(pytester.path / "other")
    pytester.makeini("[pytest]\nlens_rulebook = policy")
    in_folder(pytester, "other/rules").stdout.fnmatch_lines(["LENS: no scenario was tried: *, only of other; add *"])


def test_that_all_scenarios_were_filtered_out_is_said(pytester: pytest.Pytester) -> None:
    """A `-k` that fits no sentence is told with how many it left out; one that fits some is not."""
    book_folder(pytester.path)
    pytester.makepyfile("def test_other(): pass")
    in_folder(pytester, "--lens", "-k", "other").stdout.fnmatch_lines(
        [f"LENS: no scenario was tried: all {CASES + 1} scenarios and promises were deselected (-k, -m or --deselect)"]
    )
    in_folder(pytester, "--lens", "-k", "Both").stdout.no_fnmatch_line("LENS:*")


def test_how_to_ask_is_said_where_nobody_did(pytester: pytest.Pytester) -> None:
    """Pytest in a rulebook's folder finds nothing to run, and says how scenarios are asked for."""
    book_folder(pytester.path / "policy")
    in_folder(pytester, "policy/rules").stdout.fnmatch_lines(
        ["LENS: scenarios run only where they are asked for: pytest --lens*"]
    )


def test_nothing_is_said_of_a_rulebook_that_cannot_be_used(pytester: pytest.Pytester) -> None:
    """Its errors are told once, by pytest itself; and in several processes a scenario that ran elsewhere counts."""
    book_folder(pytester.path, FAULTY)
    in_folder(pytester, "--lens").stdout.no_fnmatch_line("LENS: no scenario*")


def test_scenarios_that_ran_in_other_processes_count(pytester: pytest.Pytester) -> None:
    """With pytest-xdist nothing is said where scenarios ran."""
    book_folder(pytester.path)
    found = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-n", "1", "--lens")
    found.assert_outcomes(passed=CASES + 1)
    found.stdout.no_fnmatch_line("LENS:*")
