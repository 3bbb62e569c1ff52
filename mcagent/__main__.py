"""`python -m mcagent`: the command line, where the script directory is not on the PATH."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
