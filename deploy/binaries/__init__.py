"""Everything in one file that answers to the name of each command.

`build.py` makes it with pex: the file unpacks itself once into a virtual environment in the user's
cache and needs nothing but a Python of the version it was built with. `build/supermq-things` and
the others are hard links: any of them can be copied away alone.
"""
