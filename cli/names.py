"""What there is, without importing any of it."""

from __future__ import annotations

PROGRAM = "supermq-cli"

# Name of each command: where it is, and what it is for.
COMMANDS: dict[str, tuple[str, str]] = {
    "login": ("cli.commands.login:login", "Log in and stay logged in."),
    "logout": ("cli.commands.login:logout", "End the login, everywhere."),
    "profiles": ("cli.commands.profiles:profiles", "Several platforms, by name."),
    "users": ("cli.commands.users:users", "Accounts and their tokens."),
    "keys": ("cli.commands.keys:keys", "API keys for programs."),
    "groups": ("cli.commands.groups:groups", "Groups of users."),
    "policies": ("cli.commands.policies:policies", "Who may do what."),
    "things": ("cli.commands.things:things", "Device identities."),
    "channels": ("cli.commands.channels:channels", "Where things talk."),
    "connect": ("cli.commands.connections:connect", "Connect things to channels."),
    "disconnect": ("cli.commands.connections:disconnect", "Disconnect things from channels."),
    "bootstrap": ("cli.commands.bootstrap:bootstrap", "Configs that gateways fetch."),
    "provision": ("cli.commands.provision:provision", "Gateways set up by one call, or by a file."),
    "certs": ("cli.commands.certs:certs", "Certificates of things."),
    "messages": ("cli.commands.messages:messages", "Messages, as a thing sends them."),
    "health": ("cli.commands.health:health", "Ask every service how it is."),
    "completion": ("cli.commands.completion:completion", "Completion for bash, zsh and fish."),
}
