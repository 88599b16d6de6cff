"""Checks of fairness: whose API server it is."""
