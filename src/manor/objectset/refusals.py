"""What the API server says in words alone, and what follows from it. Its texts are matched here and
nowhere else."""

_IMMUTABLE = "field is immutable"
_UNCOUNTED = "status unknown for quota"
_UNSEEN = "must be created before the TrainJob is created"
_PASSING = ("no params found for policy", "failed to configure binding", _UNCOUNTED, _UNSEEN)
_POLICY = "ValidatingAdmissionPolicy"


def is_immutable(message: str) -> bool:
    """Whether the server refuses the change because nobody may change the field."""
    return _IMMUTABLE in message


def is_passing(message: str) -> bool:
    """Whether the same request may be admitted within seconds.

    A policy refuses everything until each API server has seen its parameters, or while a busy one
    cannot read them, and a quota what it limits until its controller has counted. Both may have
    just been written, and nothing in an object shows when it is over. Kubeflow Trainer's webhook
    refuses a job until it has seen its runtime.
    """
    return any(text in message for text in _PASSING)


def is_uncounted(message: str) -> bool:
    """Whether the quota controller has not counted the kind yet: it looks for new kinds every half
    minute."""
    return _UNCOUNTED in message


def is_by_policy(message: str, name: str) -> bool:
    """Whether the admission policy `name` refused the request."""
    return _POLICY in message and name in message


def conflicting_manager(message: str) -> str:
    """The field manager that a cause of a conflict names; the whole message where it names none."""
    # The server says: conflict with "kubectl-edit" using v1
    return message.split('"')[1] if message.count('"') >= 2 else message
