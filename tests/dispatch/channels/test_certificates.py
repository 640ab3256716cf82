from datetime import UTC, datetime
from pathlib import Path

import trustme

from app.dispatch.channels.certificates import first_end

SOON, LATER = datetime(2030, 1, 2, tzinfo=UTC), datetime(2040, 1, 2, tzinfo=UTC)


def test_the_first_that_ends_counts(tmp_path: Path) -> None:
    """A file may hold several; one that cannot be read counts as ended, for nobody must take it for good."""
    authority = trustme.CA()
    certificates = [authority.issue_cert("lens.example", not_after=end).cert_chain_pems[0].bytes() for end in (LATER, SOON)]
    file = tmp_path / "cert.pem"
    file.write_bytes(b"".join(certificates))
    assert first_end(file) == SOON.timestamp()
    file.write_bytes(certificates[0])
    assert first_end(file) == LATER.timestamp()
    file.write_text("no certificate")
    assert first_end(file) == first_end(tmp_path) == first_end(tmp_path / "gone") == 0.0
