"""Look into a buffer that another process may own, that is damaged, or of which half is missing.

Nothing here takes a lock or writes. What cannot be read is noted, and the rest is read.
"""
