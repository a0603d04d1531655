"""The documentation, and the pages of it that are generated from the code."""
