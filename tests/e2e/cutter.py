"""A relay in front of the server that cuts event streams and nothing else: media stays up."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

STREAM = b"GET /v1/events"


class Cutter:
    """Forwards bytes both ways; knows which connections carry an event stream."""

    def __init__(self, target: tuple[str, int]) -> None:
        """``target``: a server's address; it may come and go."""
        self._target = target
        self._lock = threading.Lock()
        self._streams: list[tuple[socket.socket, socket.socket]] = []
        self._all: list[tuple[socket.socket, socket.socket]] = []
        self.port = 0

    @contextlib.contextmanager
    def running(self) -> Iterator["Cutter"]:
        """Listens within it; leaves no connection and no thread that anybody waits for."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
            accepting = threading.Thread(target=self._accept, args=(listening,), daemon=True)
            accepting.start()
            try:
                yield self
            finally:
                # A close alone does not wake a thread that waits in accept.
                listening.shutdown(socket.SHUT_RDWR)
                accepting.join()
                with self._lock:
                    for pair in self._all:
                        abort(*pair)

    @property
    def streams(self) -> int:
        """How many event streams run through it now."""
        with self._lock:
            return len(self._streams)

    def cut(self) -> int:
        """Ends every event stream both ways, by reset; says how many."""
        with self._lock:
            cut, self._streams = self._streams, []
        for pair in cut:
            abort(*pair)
        return len(cut)

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(self._target, timeout=5)
            except OSError:
                abort(near)
                continue
            far.settimeout(None)
            with self._lock:
                self._all.append((near, far))
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink, (near, far)), daemon=True).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, pair: tuple[socket.socket, socket.socket]
    ) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if source is pair[0] and data.startswith(STREAM):
                    with self._lock:
                        self._streams.append(pair)
                sink.sendall(data)
        with self._lock:
            if pair in self._streams:
                self._streams.remove(pair)
            if pair in self._all:
                self._all.remove(pair)
        for each in pair:
            # Wakes the other direction's thread; whoever comes second finds it closed.
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()


def abort(*sockets: socket.socket) -> None:
    """Closes by reset, as a network does that forgot the connection."""
    for each in sockets:
        with contextlib.suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            each.shutdown(socket.SHUT_RDWR)
            each.close()
