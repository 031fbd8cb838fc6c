"""The operator's hands on the simulated drill: a Unix socket that takes one JSON object a line.

    {"do": "pull"}                 the trigger; a refused pull is let go again unless "hold": true
    {"do": "release"}
    {"do": "level", "level": 2}
    {"do": "emergency_stop"}       and "emergency_reset"
    {"do": "state"}

Each line is answered with one line: the drill's whole state, with "error" only when refused.
"""

from __future__ import annotations

import json
import selectors
import socket
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from device.drill.controller import Pull, Release
from device.drill.drill import SimulatedDrill
from device.errors import DeviceError

MAX_LINE_BYTES = 1024
MAX_CLIENTS = 16

State = dict[str, Any]


def state_of(drill: SimulatedDrill) -> State:
    """The drill's state as the operator sees it."""
    controller, spindle = drill.controller, drill.spindle
    return {
        "state": controller.state.name,
        "reason": controller.reason,
        "rpm": drill.rpm,
        "torque_mnm": round(spindle.torque_nm * 1000),
        "current_ma": round(spindle.current_a * 1000),
        "temperature_mc": round(spindle.temperature_c * 1000),
        "level": drill.level,
        "motor_on": controller.motor_on,
        "trigger": controller.trigger,
        "inhibited": not controller.permitted,
        "lease_expires_at": controller.lease_expires_at,
        "odometer": asdict(drill.memory.odometer),
        "sequence": drill.memory.sequence,
        "time_ms": drill.time_ms,
    }


def command(drill: SimulatedDrill, line: bytes) -> State:
    """Carry out one line; a bad or refused one changes nothing and is answered with an error."""
    try:
        _carry_out(drill, _parse(line))
    except DeviceError as error:
        return {**state_of(drill), "error": str(error)}
    return state_of(drill)


def _parse(line: bytes) -> State:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DeviceError(f"not a line of JSON: {error}") from error
    if not isinstance(request, dict):
        raise DeviceError('expected an object such as {"do": "pull"}')
    return request


def _carry_out(drill: SimulatedDrill, request: State) -> None:
    match request:
        case {"do": "state"}:
            pass
        case {"do": "pull", **rest}:
            refusal = drill.apply(Pull())
            if refusal and rest.get("hold") is not True:
                drill.apply(Release())
            if refusal:
                raise DeviceError(refusal)
        case {"do": "release"}:
            drill.apply(Release())
        case {"do": "level", "level": level}:
            drill.set_level(level)
        case {"do": "emergency_stop"}:
            drill.set_emergency_stop(pressed=True)
        case {"do": "emergency_reset"}:
            drill.set_emergency_stop(pressed=False)
        case _:
            raise DeviceError(f"unknown command {request.get('do')!r}")


class OperatorSocket:
    """The listening socket and its clients, on the simulator's selector."""

    def __init__(
        self, path: Path, selector: selectors.BaseSelector, answer: Callable[[bytes], State]
    ) -> None:
        """Listen at `path`, replacing a socket that was left behind; raises DeviceError."""
        self._path, self._selector, self._answer = path, selector, answer
        self._clients: dict[socket.socket, bytearray] = {}
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if path.is_socket():
                path.unlink()
            self._server.bind(str(path))
        except OSError as error:
            self._server.close()
            raise DeviceError(f"{path}: cannot listen: {error}") from error
        path.chmod(0o600)
        self._server.listen(MAX_CLIENTS)
        self._server.setblocking(False)
        selector.register(self._server, selectors.EVENT_READ, self._accept)

    def close(self) -> None:
        """Close everything and remove the socket."""
        for client in list(self._clients):
            self._drop(client)
        self._selector.unregister(self._server)
        self._server.close()
        self._path.unlink(missing_ok=True)

    def _accept(self) -> None:
        try:
            client, _ = self._server.accept()
        except BlockingIOError:
            return  # it went away before we looked
        if len(self._clients) >= MAX_CLIENTS:
            client.close()
            return
        client.setblocking(False)
        self._clients[client] = bytearray()
        self._selector.register(client, selectors.EVENT_READ, lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        buffer = self._clients[client]
        buffer += data
        *lines, rest = bytes(buffer).split(b"\n")
        buffer[:] = rest
        try:
            for line in lines:
                client.sendall(json.dumps(self._answer(line)).encode() + b"\n")
        except OSError:
            self._drop(client)  # it does not read its answers, or has gone
            return
        if len(buffer) > MAX_LINE_BYTES:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._selector.unregister(client)
        del self._clients[client]
        client.close()
