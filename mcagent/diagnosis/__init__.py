"""What is wrong between a device and the platform, measured step by step. CPython only.

It changes nothing: it takes no lock, sends no registration and no rotation, stores no answer, and
sends nothing that was recorded.
"""
