import gc
import weakref
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest

from app.decide.decide import Decider
from app.errors import Refused
from app.publishing.library import KEPT, Library, LoadedRulebook, Unusable, Versions
from app.rulebook.bundles.bundle import Bundle, pack, read_bundle_folder, read_tar
from app.rulebook.bundles.signing import new_signer, read_trusted
from app.rulebook.engine.durable import EngineFault, Network
from app.rulebook.files.source import SourceFile
from tests.intake.desks import ROOT, WORDS, folder_in, reworded, rewrite
from tests.intake.invented import release


def shipped() -> Bundle:
    """The shipped rulebook."""
    return read_bundle_folder(ROOT, vouched=False)


def always(bundle: Bundle) -> Versions:
    """A store that has this rulebook under every name."""
    return Versions(lambda _: bundle.sha256, lambda _: bundle)


def test_a_rulebook_is_loaded_once_for_all_who_ask(decider: Decider) -> None:
    """Of several threads that ask at once one loads it, and all get the same decider."""
    fetched: list[str] = []

    def fetch(version: str) -> Bundle:
        fetched.append(version)
        return shipped()

    library = Library(Versions(lambda _: shipped().sha256, fetch), decider.terms)
    version = shipped().version
    found: list[Decider] = []
    threads = [Thread(target=lambda: found.append(library.decider(version))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [version]
    assert len(set(map(id, found))) == 1
    assert found[0].book.hash == version


def test_checking_tells_every_error_at_its_place(decider: Decider, tmp_path: Path) -> None:
    """With the code, the file, the line and what is allowed, as `lens check` does; nothing is kept."""
    folder = folder_in(tmp_path)
    rewrite(folder, "rules/eligibility.yaml", "release_reasons.into_us", "release_reasons.in_us")
    library = Library(always(shipped()), decider.terms)
    with pytest.raises(Refused, match="The rulebook has") as caught:
        library.examine(read_bundle_folder(folder, vouched=False))
    fault = caught.value.faults[0]
    assert (fault.code, fault.pointer, fault.file) == ("R106", "/rules/eligibility.yaml", "rules/eligibility.yaml")
    assert fault.line is not None
    assert "did you mean" in fault.message


def test_failed_scenarios_are_told(decider: Decider, tmp_path: Path) -> None:
    """Whoever approves it sees their names. Once it is kept, the same rulebook is not checked again."""
    folder = folder_in(tmp_path)
    rewrite(folder, "rules/scenarios/release_test.yaml", "expect: {outcome: notify", "expect: {outcome: do_not_notify")
    library = Library(always(shipped()), decider.terms)
    bundle = read_bundle_folder(folder, vouched=False)
    examined = library.examine(bundle)
    check = examined.check
    assert check.scenarios.run > len(check.scenarios.failed) > 0
    assert check.proofs.cases > 1_000_000
    library.keep(examined.loaded)
    assert library.examine(bundle).check is check


def test_of_very_many_failed_scenarios_the_first_are_named_and_all_counted(decider: Decider, tmp_path: Path) -> None:
    """So that an answer, which is stored and told again, stays short however many fail."""
    folder = folder_in(tmp_path)
    huge = (
        "scenarios:\n  - name: Everywhere\n    for_each: {release_state: states.routable, residence_state: states.routable}\n"
        "    expect: {outcome: do_not_notify}\n"
    )
    rewrite(folder, "rules/scenarios/release_test.yaml", "scenarios:\n", huge)
    scenarios = Library(always(shipped()), decider.terms).examine(read_bundle_folder(folder, vouched=False)).check.scenarios
    assert (len(scenarios.failed), scenarios.failed_count) == (100, 54 * 54)
    assert scenarios.failing.in_words().startswith("2,916 scenarios fail: ")
    assert "and 2,913 more" in scenarios.failing.in_words()


def test_what_is_stored_and_cannot_be_used(decider: Decider, tmp_path: Path) -> None:
    """Damaged behind our back, or with errors for this version of LENS: each with its codes."""
    folder = folder_in(tmp_path)
    rewrite(folder, "rules/messages.yaml", *WORDS)
    changed = Versions(lambda _: shipped().sha256, lambda _: read_bundle_folder(folder, vouched=False))
    library = Library(changed, decider.terms)
    with pytest.raises(Unusable) as caught:
        library.decider(shipped().version)
    assert caught.value.codes == ("damaged",)
    bad = Bundle((SourceFile("rules/a.yaml", b"kind: rules/v9\n"),))
    for ask in (Library(always(bad), decider.terms).decider, Library(always(bad), decider.terms).content):
        with pytest.raises(Unusable) as caught:
            ask(bad.version)
        assert "R104" in caught.value.codes


def test_only_signed_ones(decider: Decider) -> None:
    """With trusted keys, what none of them signed is neither taken nor used, nor files that a good signature is not about."""
    ann, eve = new_signer(), new_signer()
    trusted = read_trusted(ann.public("ann").line())
    plain, stranger, good = shipped(), *(read_tar(pack(shipped().files, "x", signer)) for signer in (eve, ann))
    other = Bundle((*plain.files[:-1], SourceFile(plain.files[-1].name, plain.files[-1].content + b"\n")))
    swapped = Bundle(other.files, good.manifest, good.signature)
    for bundle in (plain, stranger, swapped):
        library = Library(always(bundle), decider.terms, trusted)
        with pytest.raises(Refused) as refused:
            library.examine(bundle)
        assert [fault.code for fault in refused.value.faults] == ["not-signed"]
        with pytest.raises(Unusable) as caught:
            library.decider(bundle.version)
        assert caught.value.codes == ("not-signed",)
    assert Library(always(good), decider.terms, trusted).decider(good.version).book.hash == plain.version


def test_a_rulebook_is_given_up_when_nobody_holds_it(decider: Decider, tmp_path: Path) -> None:
    """It still decides while somebody does, however many others came in between; then its rules leave the engine."""
    bundle = reworded(tmp_path)
    library = Library(always(bundle), decider.terms)
    held = library.decider(bundle.version)
    network: Network | None = held.book.eligibility[0].network
    assert network is not None
    for number in range(KEPT):
        library.keep(LoadedRulebook(_named(decider, f"{number:064x}"), None, 0.1))
    read = held.read(release())
    assert held.decide(read, datetime(2026, 11, 23, tzinfo=UTC)).rulebook == bundle.version
    network.holding(())
    gone = weakref.ref(held)
    del held
    gc.collect()
    assert gone() is None
    with pytest.raises(EngineFault):
        network.holding(())


class _Named:
    """Stands in the library's list under another name."""

    def __init__(self, decider: Decider, version: str) -> None:
        self.book = type("Book", (), {"sha256": version, "content": decider.book.content})()


def _named(decider: Decider, version: str) -> Decider:
    return _Named(decider, version)  # type: ignore[return-value]  # only its name is asked for
