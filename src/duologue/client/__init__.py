"""The Python client: speaks only the protocol, imports nothing else of ours.

For bots, load tests and back ends. ``pip install duologue[client]`` brings what
``http.py`` needs; everything else works over any ``Transport``.

Example::

    async with http_session() as session:
        client = Client(HttpTransport(session, "http://localhost:8000"), media=SimulatedMedia(exchange))
        async with client.running():
            client.start()
            await client.until(lambda model: model.match is not None)
            client.next()
"""

from duologue.client.client import Client
from duologue.client.errors import ClientError, Refused, Unreached
from duologue.client.media import Media, MediaListener, NoMedia
from duologue.client.model import By, Link, Message, Model, Preferences
from duologue.client.session import Supply
from duologue.client.simulated import Exchange, SimulatedMedia
from duologue.client.timings import Timings
from duologue.client.transport import Answer, ByteStream, Transport

__all__ = [
    "Answer",
    "By",
    "ByteStream",
    "Client",
    "ClientError",
    "Exchange",
    "Link",
    "Media",
    "MediaListener",
    "Message",
    "Model",
    "NoMedia",
    "Preferences",
    "Refused",
    "SimulatedMedia",
    "Supply",
    "Timings",
    "Transport",
    "Unreached",
]
