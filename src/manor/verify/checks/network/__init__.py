"""Checks of network: what a tenant's pods reach."""
