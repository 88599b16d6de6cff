"""A real Kubernetes node on this machine, inside namespaces of its own.

Kept empty of imports: the supervisor, which lives as long as the node, loads this package and
little else.
"""
