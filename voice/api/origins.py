"""Pages of other origins: what a browser asks before it sends their requests (a preflight), and what it lets them read of the answers.

The door judges whether a page may come (`voice/origin.py`); this only says so in the browser's words (CORS), for the same origins. A
refusal tells its reason, for whoever looks at the network panel: the page itself is told nothing by its browser.
"""

from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""OPTIONS too: a WHIP client asks for the STUN and TURN servers with it (RFC 9725, section 4.6)."""
SENT = ("authorization", "content-type", "if-match", "range")
READ = (
    "location", "etag", "link", "accept-post", "accept-patch", "retry-after", "www-authenticate", "content-range", "hubbub-resume",
)  # fmt: skip


class OtherOrigins(CORSMiddleware):
    """Answers preflights, and adds to other answers what lets a page of these origins read them."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        """`origins`: as in `server.access.origins`; none of them allows none."""
        super().__init__(
            app, allow_origins=[origin.lower() for origin in origins], allow_methods=METHODS, allow_headers=SENT, expose_headers=READ
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.allow_origins and scope["type"] == "http" and "access-control-request-method" not in Headers(scope=scope):
            await self.app(scope, receive, send)  # the door refuses what comes from elsewhere, and nobody may read it
        else:
            await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        return super().is_allowed_origin(origin.lower())

    def preflight_response(self, request_headers: Headers) -> Response:
        response = super().preflight_response(request_headers)
        if response.status_code == 200:
            return response
        words = self._why_not(request_headers)
        refused = JSONResponse({"error": {"code": "forbidden", "message": words}}, 403)
        refused.headers["vary"] = response.headers["vary"]
        return refused

    def _why_not(self, asked: Headers) -> str:
        origin, method = asked["origin"][:200], asked["access-control-request-method"][:40]
        if not self.is_allowed_origin(origin):
            return f"pages of {origin!r} may not use this server: the operator can allow it in server.access.origins"
        if method not in METHODS:
            return f"pages of other origins may use {', '.join(METHODS)} here, not {method!r}"
        wanted = [name.strip().lower() for name in asked.get("access-control-request-headers", "").split(",")]
        unknown = [name[:40] for name in wanted if name and name not in self.allow_headers]
        if unknown:
            return f"pages of other origins may send the headers {', '.join(SENT)} here, not {', '.join(unknown[:5])}"
        return "pages of the public internet may not use this server, which is on a private network"
