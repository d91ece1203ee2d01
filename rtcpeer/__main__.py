"""``python -m rtcpeer`` is the console script ``rtcpeer``."""

import sys

from rtcpeer.cli import main

if __name__ == "__main__":
    sys.exit(main())
