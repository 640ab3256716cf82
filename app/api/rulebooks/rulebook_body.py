"""Reading a rulebook from a request's body: a tar file (gzipped or not), or multipart with a part for each file."""

from collections.abc import AsyncGenerator

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from app.api.requests.bodies import read_body
from app.api.rulebooks.rulebook_words import DRAFT_WORDS
from app.errors import Fault, Refused
from app.rulebook.bundles.bundle import MANIFEST, SIGNATURE, TOPS, Bundle, bundle_of, read_tar
from app.rulebook.files.folder_files import FILES_LIMIT
from app.rulebook.files.source import SourceFile

UPLOAD_LIMIT = 8 * 1024 * 1024
"""Bytes of a body with a rulebook at the most."""

MULTIPART = "multipart/form-data"
TARS = ("application/x-tar", "application/gzip", "application/x-gzip", "application/x-gtar", "application/octet-stream")
_FAULTS_TOLD = 100
_TAR_ENDS = (".tar", ".tar.gz", ".tgz")


async def read_draft(request: Request) -> tuple[Bundle, dict[str, str]]:
    """The rulebook that was sent, and what a multipart body says of it. Raises Refused with every fault, TooLarge, TooSlow or
    WrongMediaType.
    """
    raw = await read_body(request, UPLOAD_LIMIT, (MULTIPART, *TARS))
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MULTIPART:
        return await run_in_threadpool(read_tar, raw), {}
    files, words = await _read_parts(request, raw)
    if len(files) == 1 and files[0].name.endswith(_TAR_ENDS):
        return await run_in_threadpool(read_tar, files[0].content), words
    return bundle_of(files), words


class _InMemory(MultiPartParser):
    """Parts are kept in memory, which the limit of the body bounds already: nothing of a draft is ever put on a disk."""

    spool_max_size = UPLOAD_LIMIT


async def _read_parts(request: Request, raw: bytes) -> tuple[list[SourceFile], dict[str, str]]:
    async def body() -> AsyncGenerator[bytes, None]:
        yield raw

    parser = _InMemory(request.headers, body(), max_files=FILES_LIMIT, max_fields=FILES_LIMIT)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        fault = Fault("", "not-multipart", "the body is no multipart/form-data with a boundary, or has too many parts")
        raise Refused((fault,), "The body cannot be read; nothing was stored.") from None
    try:
        files = []
        words: dict[str, str] = {}
        faults = []
        for name, part in form.multi_items():
            if isinstance(part, UploadFile):
                files.append(SourceFile(_path(name, part), await part.read()))
            elif name in words:
                faults.append(Fault(f"/{name}", "twice", "this can be given once"))
            elif name in DRAFT_WORDS:
                words[name] = part
            else:
                faults.append(Fault("", "no-file", "send each part as a file, with a filename"))
        if faults:
            raise Refused(tuple(faults[:_FAULTS_TOLD]), "A rulebook consists of files; nothing was stored.")
        return files, words
    finally:
        await form.close()


def _path(field: str, part: UploadFile) -> str:
    """Where a file belongs: the name of its field where that is a path of a rulebook, else its filename, as it was sent."""
    is_path = field.partition("/")[0] in TOPS and "/" in field
    return field if is_path or field in {MANIFEST, SIGNATURE} else (part.filename or field)
