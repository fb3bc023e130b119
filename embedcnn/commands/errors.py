"""What a command says when it cannot go on."""


class CommandError(Exception):
    """A refusal of the command line program; the message is all that its user sees."""


def message(error: BaseException) -> str:
    """An error as one line for people.

    >>> message(FileNotFoundError(2, "No such file or directory", "texts.csv"))
    "'texts.csv': no such file or directory"
    """
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{error.filename!r}: {error.strerror[:1].lower()}{error.strerror[1:]}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])
    elif isinstance(error, MemoryError):
        text = f"not enough memory {error}"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


def without_devices(text: str) -> str:
    """What is said of a file, with the name that people have for the one that "-" stands for.

    >>> without_devices("/dev/stdin: the file is empty")
    'standard input: the file is empty'
    """
    return text.replace("/dev/stdin", "standard input")
