"""When a client does what in the background."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timings:
    """All in seconds; the defaults are those of the protocol, and what a page in a browser does.

    ``first_frame_s``: a stream that brought nothing by then is held back on its way, and polls are tried.
    ``return_s``: who polls tries a stream again about so often, where the server has both; the first time
    after 5 s if streams only broke off.
    ``compare_s``: between two reads that are compared with the stream; ``None``: what the server asks for.
    ``report_s``: how often it tells the server what comparing found.
    """

    first_frame_s: float = 6.0
    return_s: float = 60.0
    compare_s: float | None = None
    report_s: float = 10.0
