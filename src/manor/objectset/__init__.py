"""What is known of a set of objects without asking a server: what its objects are called, how they
are marked as its members, in which order they go, what is kept, and when they are ready.

Both ways to apply, `apply` and `infra`, go by it. A kind is always the kind of a group: Istio's
Gateway, Volcano's Job and Seldon's Model are none of those that are meant here.
"""
