"""The one kind of exception whose text a person is meant to read."""


class UserError(ValueError):
    """Say in one sentence what is wrong, where, and what to do about it.

    Pages show `str(error)` as it is, beside the control that caused it. Anything that is not a
    `UserError` is a bug of ours and is shown as a plain apology, never as a traceback.
    """
