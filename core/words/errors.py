"""The one kind of exception whose text a person is meant to read."""


class UserError(ValueError):
    """Say in one sentence what is wrong, where, and what to do about it.

    Pages show `message` in the reader's language, beside the control that caused it. Anything that
    is not a `UserError` is a bug of ours and is shown as a plain apology, never as a traceback.
    """

    @property
    def message(self) -> str:
        """The sentence, which can be translated where it is a `core.words.message.Message`."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class DataError(UserError):
    """A data set cannot be had; the text says why and what to do."""
