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
from duologue.client.media import Media, NoMedia
from duologue.client.model import Link, Model, Preferences
from duologue.client.simulated import Exchange, SimulatedMedia
from duologue.client.transport import Transport

__all__ = [
    "Client",
    "ClientError",
    "Exchange",
    "Link",
    "Media",
    "Model",
    "NoMedia",
    "Preferences",
    "Refused",
    "SimulatedMedia",
    "Transport",
    "Unreached",
]
