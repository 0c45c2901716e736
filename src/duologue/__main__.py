"""``python -m duologue``: the same as ``duologue``."""

from duologue.cli import main

if __name__ == "__main__":
    main()
