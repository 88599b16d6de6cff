"""Checks of routes: whose host names a tenant serves."""
