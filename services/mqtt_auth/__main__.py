"""`python -m services.mqtt_auth`."""

from __future__ import annotations

import sys

from services.mqtt_auth.app import create_app
from services.mqtt_auth.settings import MqttAuthSettings
from shared.http.serve import run_service


def main() -> int:
    """Run the service."""
    return run_service("mqtt_auth", MqttAuthSettings, create_app, has_database=False)


if __name__ == "__main__":
    sys.exit(main())
