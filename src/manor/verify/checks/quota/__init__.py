"""Checks of quota: how much a tenant takes."""
