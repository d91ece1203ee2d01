"""The page's files over HTTP: nothing outside their directory, the right types, and headers that contain a mistake."""

import re
from pathlib import Path

from aiohttp import web

# Those that Python's own table lacks or has differently from version to version.
_CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

_HOST = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")

_NO_PAGE = "The signalling server is running (WebSocket at /ws), but there is no page here: use --web DIR.\n"


def default_web_directory() -> Path | None:
    """Where the page lies: in the installed package, else in the repository beside it, else nowhere."""
    package = Path(__file__).resolve().parent
    for directory in (package / "web", package.parent / "web"):
        if (directory / "index.html").is_file():
            return directory
    return None


class Page:
    """Serves one directory."""

    def __init__(self, directory: Path | None) -> None:
        self._root = directory.resolve() if directory is not None else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer GET and HEAD for a file; a directory gets its index.html."""
        if self._root is None:
            return web.Response(text=_NO_PAGE, status=404)
        path = self._find(request.match_info["path"])
        if path is None:
            return web.Response(text="There is no such file.\n", status=404)
        content_type = _CONTENT_TYPES.get(path.suffix.lower())
        return web.FileResponse(path, headers={"Content-Type": content_type} if content_type else None)

    def _find(self, name: str) -> Path | None:
        assert self._root is not None
        # Also keeps .git and the like private, should someone serve a whole repository.
        if "\0" in name or any(part.startswith(".") for part in name.split("/")):
            return None
        try:
            path = (self._root / name.lstrip("/")).resolve()
            if path.is_dir():
                path /= "index.html"
            found = path.is_file()
        except OSError:
            # Such as a name longer than the file system has.
            return None
        return path if found and path.is_relative_to(self._root) else None


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """To every answer (a handler for `on_response_prepare`)."""
    headers = response.headers
    # "no-cache" lets a browser keep the file and ask whether it is still the same: an edit shows at the next reload.
    headers.setdefault("Cache-Control", "no-cache")
    headers["Content-Security-Policy"] = content_security_policy(request.host)
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Referrer-Policy"] = "no-referrer"
    headers["X-Content-Type-Options"] = "nosniff"


def content_security_policy(host: str) -> str:
    """What the page may load: itself, its WebSocket, and the blobs it makes of received files."""
    # 'self' covers ws: of the same host in newer browsers only, so it is named. The name comes from the client, and
    # what is no plain host would end up as a directive.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; "
        f"connect-src 'self'{sockets}; img-src 'self' blob: data:; media-src 'self' blob:"
    )
