"""`python -m mcagent.emulator`: run a local Insights Hub until interrupted."""

import sys

from .command import serve

if __name__ == "__main__":
    sys.exit(serve(sys.argv[1:]))
