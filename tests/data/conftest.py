"""What tests of files share."""

import pytest


@pytest.fixture
def write(tmp_path):
    """A function that writes a file of this name and content (str or bytes), and returns its path."""

    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
