"""Users owns accounts, their passwords and the tokens that prove who is calling.

It alone signs: tokens of people, and the short ones by which a service acts for a person. It owns
neither things nor channels, and knows of no device.
"""
