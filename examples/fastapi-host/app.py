"""An app with people of its own, in FastAPI: a person who logs in here has a session at Duologue, too.

``uvicorn app:app --port 8010``, in this folder.
"""

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import jwt
from fastapi import Cookie, FastAPI, HTTPException, Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from standardwebhooks import Webhook, WebhookVerificationError

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "clients" / "js" / "dist"
DUOLOGUE_URL = os.environ.get("DUOLOGUE_URL", "http://localhost:8000")
SECRET = os.environ["DUOLOGUE_SECRET"]  # the same as Duologue's
KID = os.environ.get("DUOLOGUE_KID", "main")  # what Duologue calls it: a secret without a name is "main"
WEBHOOK_SECRET = os.environ.get("DUOLOGUE_WEBHOOK_SECRET", "")  # one of Duologue's DUOLOGUE_WEBHOOK_SECRETS
LIFETIME_S = 600

app = FastAPI()
app.mount("/duologue", StaticFiles(directory=PACKAGE))
people: dict[str, str] = {}
"""Who is logged in: session and name. Yours has a database."""
bans: dict[str, int] = {}
"""The end of each ban (ms), by the `sub` of the token."""


class Login(BaseModel):
    """What a person says of themselves; yours asks for more."""

    name: str = Field(min_length=1, max_length=64)


@app.get("/")
def page() -> FileResponse:
    """The page: it logs in, asks for a token, and connects to Duologue with it."""
    return FileResponse(HERE / "page.html")


@app.get("/settings")
def settings() -> dict[str, str]:
    """Where Duologue is, as browsers see it."""
    return {"duologue": DUOLOGUE_URL}


@app.post("/login", status_code=204)
def login(body: Login, response: Response) -> None:
    """Log this browser in under a name."""
    session = secrets.token_urlsafe(24)
    people[session] = body.name
    response.set_cookie("app_session", session, httponly=True, samesite="lax")


@app.post("/token", response_class=PlainTextResponse)
def token(app_session: Annotated[str, Cookie()] = "") -> str:
    """Return a Duologue session for the person who is logged in. Pages ask again at half of its life."""
    name = people.get(app_session)
    if name is None:
        raise HTTPException(401, "log in first")
    if bans.get(app_session, 0) > time.time() * 1000:
        raise HTTPException(403, "Duologue keeps you out for now")
    claims = {"iss": "example", "sub": app_session, "alias": name, "exp": int(time.time()) + LIFETIME_S}
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": KID})


@app.post("/webhooks/duologue", status_code=204)
async def webhook(request: Request) -> None:
    """Note a ban that Duologue tells of (``--webhook``). The signature is over the body as it came."""
    if not WEBHOOK_SECRET:
        raise HTTPException(404, "set DUOLOGUE_WEBHOOK_SECRET to hear of events")
    try:
        event = Webhook(WEBHOOK_SECRET).verify(await request.body(), dict(request.headers))
    except WebhookVerificationError as error:
        raise HTTPException(401, "the signature is wrong") from error
    sub = event["data"].get("sub")  # guests have none
    if sub and event["type"] in ("person.banned", "person.paused"):
        bans[sub] = event["data"]["until_ms"]  # an event may come twice
    elif sub and event["type"] == "person.unbanned":
        bans.pop(sub, None)
