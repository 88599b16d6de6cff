"""Checks of metadata: whose namespaces and labels a tenant writes."""
