"""The checks: one folder a plane, one file a check."""
