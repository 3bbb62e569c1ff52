"""Onboarding, access tokens and rotation: decided here, sent by others. No sockets."""
