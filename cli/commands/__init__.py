"""One module for each group of commands; read the arguments, call, answer what is to be shown."""
