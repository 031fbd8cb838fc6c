"""Malformed frames and messages by the million: nothing crashes, and none is taken for good.

    frames (serial link), messages (MQTT) -> parts -> a count of what was made of them

`parts` is the bridge, controller and oracle code under attack, without the world around it.
"""
