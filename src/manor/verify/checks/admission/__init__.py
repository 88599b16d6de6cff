"""Checks of admission: what admission lets a tenant store."""
