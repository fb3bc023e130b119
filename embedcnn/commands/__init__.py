"""The commands of the program `embedcnn`: one module each, with `add_command` and what it runs."""
