"""Pair strangers for 1:1 video. Either of them can press Next, and nobody is left alone in a room."""

from importlib.metadata import version

__version__ = version("duologue")
