"""`lens rulebook pack`, `verify` and `keygen`: bundles of a rulebook, and the keys that sign them. Nothing here needs a database."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from app.cli.policy.named_books import existing
from app.domain.release import is_date_time
from app.errors import BadSetting, Refused
from app.rulebook.book import load
from app.rulebook.bundles.bundle import SEQUENCE_LIMIT, Bundle, Manifest, read_bundle_folder, read_tar, seconds_of
from app.rulebook.bundles.bundle import pack as pack_files
from app.rulebook.bundles.signing import Signer, is_name, new_signer, read_signer
from app.running.following import read_trusted_file, trusted_of
from app.settings import read_settings


def pack(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with rules/ and ref_data/.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file to write.")],
    sign: Annotated[Path | None, typer.Option(help="Sign it with this private key (see keygen).")] = None,
    created: Annotated[
        str | None, typer.Option(help="When it was packed; now if left out. The rest depends on DIR alone.")
    ] = None,
    sequence: Annotated[
        int | None,
        typer.Option(min=0, max=SEQUENCE_LIMIT, help="Rises with each bundle; seconds since 1970 of --created if left out."),
    ] = None,
) -> None:
    """Pack a rulebook into one file, with a manifest of hashes and, with --sign, a signature. It is checked first.

    Example:
    lens rulebook pack . -o rulebook.tar --sign ann.key

    """
    book = load(existing(folder))
    signer = _signer(sign) if sign is not None else None
    try:
        moment = _moment(created)
        number = seconds_of(moment) if sequence is None else sequence
        out.write_bytes(pack_files(book.content.files, moment, signer, number))
    except OSError as error:
        raise typer.BadParameter(f"{out} cannot be written: {error.strerror}", param_hint="--out") from None
    print(
        f"{out}: rulebook {book.hash}, {len(book.content.files)} files, {f'signed by {signer.id}' if signer else 'not signed'}"
    )


def verify(
    source: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A bundle, or a folder it was unpacked into.")],
    trusted: Annotated[
        Path | None, typer.Option(help="File of public keys, one a line. Default: LENS_RULEBOOK_TRUSTED_KEYS.")
    ] = None,
) -> None:
    """Verify a bundle: every file is the one that was packed, and a trusted key signed it. Exit code 1 when not.

    Example:
    lens rulebook verify rulebook.tar --trusted trusted.keys

    """
    keys = read_trusted_file(trusted, "--trusted") if trusted is not None else trusted_of(read_settings())
    if keys is None:
        raise typer.BadParameter("name a file of trusted keys, or set LENS_RULEBOOK_TRUSTED_KEYS", param_hint="--trusted")
    try:
        bundle = read_source(source, vouched=True)
    except Refused as refused:
        tell_faults(refused)
        raise typer.Exit(1) from None
    signer = keys.signer_of(bundle.manifest, bundle.signature)
    if bundle.manifest is None or signer is None:
        state = "is not signed" if bundle.signature is None else "is signed by no trusted key"
        print(f"{source}: rulebook {bundle.version} {state}", file=sys.stderr)
        raise typer.Exit(1)
    packed = msgspec.json.decode(bundle.manifest, type=Manifest).created
    print(
        f"{source}: rulebook {bundle.version}, {len(bundle.files)} files, packed {packed}, sequence {bundle.sequence}, "
        f"signed by {signer.name} ({signer.id})"
    )


def keygen(
    name: Annotated[str, typer.Argument(help="Whose key it is; NAME.key and NAME.pub are written.")],
    out: Annotated[Path, typer.Option(help="The folder to write them into.")] = Path(),
) -> None:
    """Make a pair of keys to sign rulebooks with. NAME.key is secret; the line in NAME.pub goes into the file of trusted keys.

    Example:
    lens rulebook keygen ann && cat ann.pub >> trusted.keys

    """
    if not is_name(name):
        raise typer.BadParameter("1 to 40 letters, digits, `.`, `_`, `@` or `-`", param_hint="NAME")
    signer = new_signer()
    line = f"{signer.public(name).line()}\n".encode()
    try:
        for file, content, mode in ((out / f"{name}.key", signer.pem(), 0o600), (out / f"{name}.pub", line, 0o644)):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                stream.write(content)
    except OSError as error:
        raise typer.BadParameter(f"{error.filename} cannot be written: {error.strerror}", param_hint="--out") from None
    print(line.decode(), end="")


def read_source(source: Path, *, vouched: bool) -> Bundle:
    """The rulebook in a folder or a bundle file; of a folder with its manifest and signature where `vouched`.

    Raises Refused with every fault, BadParameter when it cannot be read.
    """
    try:
        if source.is_dir():
            return read_bundle_folder(source, vouched=vouched)
        return read_tar(source.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{source} cannot be read: {error.strerror}") from None


def tell_faults(refused: Refused) -> None:
    """Prints every fault with its place on standard error."""
    print(f"lens: {refused.detail}", file=sys.stderr)
    for fault in refused.faults:
        place = ":".join(str(part) for part in (fault.file, fault.line, fault.column) if part is not None)
        print(f"  {place or '-'} {fault.code}: {fault.message}", file=sys.stderr)


def _signer(file: Path) -> Signer:
    try:
        return read_signer(file.read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="--sign") from None
    except BadSetting as error:
        raise BadSetting(f"--sign: {error.detail}") from None


def _moment(text: str | None) -> str:
    if text is None:
        return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if not is_date_time(text):
        raise typer.BadParameter("a moment is written 2026-01-01T12:00:00Z, with its offset", param_hint="--created")
    return text
