"""The root of all errors that a user can mend. Each package draws its own hierarchy below it."""


class ManorError(Exception):
    """What stopped the work, and what to do about it, in words for the user; the command line shows
    no traceback."""
