"""The collectors' peers are in the tox environment `examples` alone."""

import os

if "MCAGENT_EXAMPLES" not in os.environ:
    collect_ignore_glob = ["test_*_scene.py"]
