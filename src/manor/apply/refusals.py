"""What the API server says in words alone, and what follows from it. Its texts are matched here and nowhere else."""

from manor.kube import ApiError

_IMMUTABLE = "field is immutable"
_PASSING = ("status unknown for quota", "no params found for policy")
_POLICY = "ValidatingAdmissionPolicy"


def is_immutable(error: Exception) -> bool:
    """Whether the server refuses the change because nobody may change the field."""
    return isinstance(error, ApiError) and _IMMUTABLE in error.message


def is_passing(error: ApiError) -> bool:
    """Whether the same request may soon be admitted.

    A quota refuses what it limits until its controller has counted it, a policy until the server has seen its
    parameters; both may have just been written.
    """
    return any(text in error.message for text in _PASSING)


def is_by_policy(error: ApiError, name: str) -> bool:
    """Whether the admission policy `name` refused the request."""
    return _POLICY in error.message and name in error.message


def conflicting_manager(message: str) -> str:
    """The field manager that a cause of a conflict names; the whole message where it names none."""
    # The server says: conflict with "kubectl-edit" using v1
    return message.split('"')[1] if message.count('"') >= 2 else message
