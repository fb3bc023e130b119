"""What a command says when it cannot go on."""


class CommandError(Exception):
    """A refusal of the command line program; the message is all that its user sees."""
