"""What people call kinds on a command line, in one form."""

_ALSO = {
    "trainingjob": "job",
    "localqueue": "queue",
    "ns": "namespace",
    "po": "pod",
}
"""Other names that people type: the kinds' own, and kubectl's short ones."""


def singular(word: str) -> str:
    """The noun that is meant, whichever of its forms kubectl would know: `jobs`, `TrainingJob` and
    `trainingjobs.manor.dev` are `job`."""
    word = word.lower().partition(".")[0]
    word = _ALSO.get(word, word).removesuffix("s")
    return _ALSO.get(word, word)
