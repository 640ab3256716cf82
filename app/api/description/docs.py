"""The interactive documentation at /docs, and what each problem code means. Everything comes from this service: no CDN.

Swagger UI's own files (Apache-2.0) ride in the wheel `fastapi-swagger`, byte for byte those of `swagger-ui-dist`.
"""

from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from app.api.requests.problems import page
from app.errors import NotFound

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>LENS: the HTTP API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="stylesheet" href="docs/contrast.css">
</head>
<body>
<noscript>This page needs JavaScript. The same description as JSON: <a href="openapi.json">openapi.json</a></noscript>
<div id="docs"></div>
<script src="docs/swagger-ui.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
  displayRequestDuration: true, defaultModelsExpandDepth: 0, syntaxHighlight: {theme: "idea"},
});
"""
_CONTRAST = """.swagger-ui .info .title small { background: #59616e; }
.swagger-ui .info .title small.version-stamp { background: #4a6b00; }
.swagger-ui .opblock.opblock-post .opblock-summary-method, .swagger-ui .btn.execute { background: #1a7a4c; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1f5fae; }
.swagger-ui .btn.authorize { color: #1a7a4c; border-color: #1a7a4c; }
.swagger-ui .auth-wrapper .btn.authorize svg { fill: #1a7a4c; }
.swagger-ui .btn.execute { border-color: #1a7a4c; }
.swagger-ui .info a { color: #1f5fae; }
"""
"""Swagger UI's own colours are too pale to read for many: white on light green has 2 to 1, where 4.5 to 1 is asked for."""
_FILES = {
    "swagger-ui.js": ("swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger-ui.css", "text/css"),
    "favicon.png": ("favicon-32x32.png", "image/png"),
}


@router.get("/docs")
async def docs() -> Response:
    """The page itself. Unlike the rest of the service it runs scripts, its own only."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    """The page's only script that is ours; in a file of its own, since the policy allows none inside the page."""
    return _cacheable(_START.encode(), "text/javascript")


@router.get("/docs/contrast.css")
async def contrast() -> Response:
    """Colours that can be read."""
    return _cacheable(_CONTRAST.encode(), "text/css")


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """One of Swagger UI's own files."""
    if name not in _FILES:
        raise NotFound
    return _cacheable(*_read(name))


@router.get("/problems/{code}")
async def explain_problem(code: str) -> Response:
    """What the problem code in an answer's `type` means and how to mend it."""
    return PlainTextResponse(page(code))


@cache
def _read(name: str) -> tuple[bytes, str]:
    found, media_type = _FILES[name]
    return files("fastapi_swagger").joinpath("resources", found).read_bytes(), media_type


def _cacheable(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Cache-Control": "public, max-age=3600"})
