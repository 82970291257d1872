"""The page that describes the interface, and the files it is made of, all of them ours to serve."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

STATIC: Final = Path(__file__).parents[2] / "web" / "static"
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _Static(StaticFiles):
    """Files a browser keeps and asks about."""

    def file_response(self, *args: object, **kwargs: object) -> FileResponse:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "no-cache"
        return answer  # type: ignore[return-value]


async def _docs(request: Request) -> FileResponse:
    return FileResponse(STATIC / "api.html", headers=_HEADERS)


def add_pages(app: FastAPI) -> None:
    app.add_route("/docs", _docs, include_in_schema=False)
    app.mount("/static", _Static(directory=STATIC, check_dir=False), name="static")
