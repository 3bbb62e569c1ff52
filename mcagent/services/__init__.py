"""Clients of the platform's services: for applications, commissioning scripts and the terminal.

CPython only. Everything goes through a `session.Session`; each service has a module of its own.
"""
