"""Duologue pairs strangers for 1:1 video, lets either press *next*, and leaves nobody alone in a room."""

from importlib.metadata import version

__version__ = version("duologue")
