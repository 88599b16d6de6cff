"""Refusals of the API server that pass by themselves, so that the same request is worth another try."""

_PASSING = ("no params found for policy", "status unknown for quota")
"""Of what an API server says, the part that tells such a refusal: a policy refuses everything until each API server has
seen its parameters, and a quota what it limits until its controller has counted. Both may have just been written, and
nothing in an object shows when it is over."""


def is_passing(message: str) -> bool:
    """Whether the refusal with this message passes by itself within seconds."""
    return any(text in message for text in _PASSING)
