"""Checks of pod: what a tenant's pods may be."""
