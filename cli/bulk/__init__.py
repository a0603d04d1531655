"""Many rows of a file, several at a time, so that it can be stopped and taken up again."""
