"""What can go wrong in the lab itself, as opposed to in a command that it runs."""


class LabError(Exception):
    """The lab could not do its work. The message is one line for the user; `details` (a console's tail) may follow."""

    def __init__(self, message: str, details: str = ""):
        super().__init__(message)
        self.details = details
