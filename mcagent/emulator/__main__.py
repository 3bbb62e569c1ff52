"""`python -m mcagent.emulator`: run a local Insights Hub until interrupted."""

import sys

if __name__ == "__main__":
    try:
        from mcagent.emulator import serve
    except ImportError as error:
        sys.exit(f"mcagent: {error}")
    sys.exit(serve(sys.argv[1:]))
