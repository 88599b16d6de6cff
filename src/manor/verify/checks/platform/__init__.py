"""Checks of platform: what the platform's own parts may do."""
