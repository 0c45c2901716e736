"""``python -m tests.proxies.undrained serve …``: the real command, to whose drain the store is a closed tab.

People are told to come back as ever; their partners are told that they are gone.
"""

from duologue.cli import main
from duologue.delivery.connection import End
from duologue.pairing.vocabulary import DetachCause

if __name__ == "__main__":
    End.detach = property(lambda _: DetachCause.CLOSED)  # type: ignore[method-assign, assignment]
    main()
