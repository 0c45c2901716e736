"""A bot that meets people and chats: ``python bot.py http://localhost:8000``.

It talks to whoever comes as long as they talk, and presses Next when they say bye or nothing for a while.
"""

import argparse
import asyncio
import contextlib
import itertools
import os

from call import Call
from duologue.client import Client, ClientError, Model, Preferences
from duologue.client.http import HttpTransport, http_session

PATIENCE_S = 60.0
FOREVER_S = 365 * 24 * 3600.0


def answer(text: str) -> str | None:
    """What the bot says to that, if anything. Two bots that answer everything would never stop."""
    if not text.strip().endswith("?"):
        return None
    return f"You asked {text!r}, that is {len(text)} characters. Say bye and I go on."


def theirs(model: Model) -> list[str]:
    """What the partner has said in this conversation."""
    return [line.text for line in model.chat.messages if line.sender == "partner"]


async def converse(client: Client, match: str) -> None:
    """From the first word to the last: until they are gone, say bye, or say nothing."""
    name = client.model.match.partner.alias if client.model.match else ""
    print(f"met {name or 'somebody'}")
    await client.say("Hello! I am a bot. I answer questions.")
    for read in itertools.count():
        text = await word(client, match, read)
        if client.model.match_id != match:
            print("they left")
            return
        if text is None or text.strip().lower() == "bye":
            break
        if reply := answer(text):
            await client.say(reply)
    client.next()
    await client.until(lambda m: m.match_id != match)
    print("next")


async def word(client: Client, match: str, read: int) -> str | None:
    """What the partner says after so many lines; ``None``: nothing, for too long, or they are gone."""
    try:
        model = await client.until(lambda m: m.match_id != match or len(theirs(m)) > read, PATIENCE_S)
    except TimeoutError:
        return None
    return theirs(model)[read] if model.match_id == match else None


async def main(server: str, pool: str) -> None:
    """Meets one after the other, until it is interrupted."""
    token = os.environ.get("DUOLOGUE_TOKEN", "")  # of a server without guests
    async with http_session() as session:
        client = Client(HttpTransport(session, server), alias="bot", token=token, media=Call(), asks=False)
        async with client.running():
            client.start(Preferences(pool=pool))
            while True:
                model = await client.until(lambda m: bool(m.match_id), FOREVER_S)
                try:
                    await converse(client, model.match_id)
                except ClientError as error:
                    print(f"the server did not take it: {error}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("server", nargs="?", default="http://localhost:8000")
    parser.add_argument("--pool", default="")
    given = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(given.server, given.pool))
