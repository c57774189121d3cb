"""The entry point: ``belonging-study``, or ``python -m belonging_study``."""

from __future__ import annotations

import signal
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, so that an interruption ends in one line even while modules are still being loaded."""
    try:
        from belonging_study.cli import main as run

        run()
    except KeyboardInterrupt:
        print("Interrupted; the last published versions are untouched.", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is told: nothing is left to interrupt but Python's own end


if __name__ == "__main__":
    main()
