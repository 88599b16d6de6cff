"""The `manor` command: what a person types."""
