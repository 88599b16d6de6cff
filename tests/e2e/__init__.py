"""Tests on the whole node."""
