"""Checks of storage: whose data a tenant reads."""
