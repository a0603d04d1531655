"""Real servers for the run, a fresh database for each test."""

pytest_plugins = ["tests.fixtures.servers", "tests.fixtures.services"]
