"""Checks of rbac: what the authorizer lets a tenant do."""
