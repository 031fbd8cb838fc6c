"""The rig's simulated drill: when its controller can be asked."""

from __future__ import annotations

import socket
from pathlib import Path

from device_builders import PROVISIONING

from lab.rig.drill import ControllerProgram


def test_up__socket_and_port_that_a_killed_one_left__not_until_somebody_listens(
    tmp_path: Path,
) -> None:
    controller = ControllerProgram(PROVISIONING, tmp_path, tmp_path)
    assert not controller.up()
    controller.port.symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(controller.operator))
    assert controller.operator.exists()
    assert not controller.up()

    controller.operator.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(controller.operator))
        listening.listen()
        assert controller.up()
