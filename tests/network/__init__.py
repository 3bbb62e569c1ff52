"""Agents on networks that misbehave."""
