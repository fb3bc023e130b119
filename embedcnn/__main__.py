"""`python -m embedcnn` is the command `embedcnn`."""

from embedcnn.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
