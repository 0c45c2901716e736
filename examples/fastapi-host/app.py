"""An app with people of its own, in FastAPI: who logs in here is somebody at Duologue too.

``uvicorn app:app --port 8010``, in this folder.
"""

import os
import secrets
import time
from pathlib import Path
from typing import Annotated

import jwt
from fastapi import Cookie, FastAPI, HTTPException, Response
from fastapi.responses import FileResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "clients" / "js" / "dist"
DUOLOGUE_URL = os.environ.get("DUOLOGUE_URL", "http://localhost:8000")
SECRET = os.environ["DUOLOGUE_SECRET"]  # the same as Duologue's
KID = os.environ.get("DUOLOGUE_KID", "main")  # what Duologue calls it: a secret without a name is "main"
LIFETIME_S = 600

app = FastAPI()
app.mount("/duologue", StaticFiles(directory=PACKAGE))
people: dict[str, str] = {}
"""Who is logged in: session and name. Yours has a database."""


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
    """From now on this browser is somebody."""
    session = secrets.token_urlsafe(24)
    people[session] = body.name
    response.set_cookie("app_session", session, httponly=True, samesite="lax")


@app.post("/token", response_class=PlainTextResponse)
def token(app_session: Annotated[str, Cookie()] = "") -> str:
    """A Duologue session for whoever is logged in here. Pages ask again at half of its life."""
    name = people.get(app_session)
    if name is None:
        raise HTTPException(401, "log in first")
    claims = {"iss": "example", "sub": app_session, "alias": name, "exp": int(time.time()) + LIFETIME_S}
    return jwt.encode(claims, SECRET, algorithm="HS256", headers={"kid": KID})
