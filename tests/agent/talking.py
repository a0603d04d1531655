"""Connects as the Agents do with what they were bootstrapped, and answers commands.

They speak MQTT 3.1.1, call themselves `agent-<thing id>`, listen on two topics of the control
channel and answer on a third; commands and answers are SenML in JSON.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from tests.agent.agent import AgentSetup, Refused

PATIENCE_SECONDS = 30


class TalkingAgent:
    """An Agent that is connected and listens."""

    def __init__(self, setup: AgentSetup) -> None:
        self._topic = f"channels/{setup.control_channel}/messages"
        self._ready = threading.Event()
        self._refusal = ""
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"agent-{setup.mqtt_username}")
        self._client.username_pw_set(setup.mqtt_username, setup.mqtt_password)
        self._client.on_connect = self._listen
        self._client.on_subscribe = self._listens
        self._client.on_message = self._answer

    def start(self, host: str, port: int) -> None:
        """Connect and listen; raises Refused."""
        self._client.connect(host, port)
        self._client.loop_start()
        if not self._ready.wait(PATIENCE_SECONDS) or self._refusal:
            raise Refused(self._refusal or "the broker does not answer")

    def stop(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()

    def _listen(
        self,
        client: Client,
        _data: Any,
        _flags: ConnectFlags,
        code: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if code.is_failure:
            self._refusal = f"not let in: {code}"
            self._ready.set()
            return
        client.subscribe([(f"{self._topic}/req", 0), (f"{self._topic}/services/#", 0)])

    def _listens(
        self, _client: Client, _data: Any, _number: int, codes: list[ReasonCode], _properties: Any
    ) -> None:
        if any(code.is_failure for code in codes):
            self._refusal = "may not listen"
        self._ready.set()

    def _answer(self, client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.topic != f"{self._topic}/req":
            return
        command = json.loads(message.payload)[0]
        number, (program, *words) = command["bn"], command["vs"].split(",")
        result = " ".join(words) if program == "echo" else "unknown command"
        answer = [{"bn": number, "n": command["n"], "vs": result}]
        client.publish(f"{self._topic}/res", json.dumps(answer))


@contextmanager
def talking(setup: AgentSetup, host: str, port: int) -> Iterator[TalkingAgent]:
    """An Agent for as long as the context lasts; raises Refused."""
    agent = TalkingAgent(setup)
    try:
        agent.start(host, port)
        yield agent
    finally:
        agent.stop()
