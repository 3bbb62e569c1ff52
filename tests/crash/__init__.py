"""Proof by enumeration: what a power cut at any operation may leave, recovered and judged.

`story` runs a buffer on a file system that remembers its operations, `disk` builds what a cut may
leave of them, `ledger` notes what was reported, `oracle` recovers, drains and judges, `plants` are
bugs that must be seen. `python -m tests.crash` does all of it.
"""
