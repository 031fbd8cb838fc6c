"""Malformed frames and messages by the million: nothing crashes, and none is taken for good."""
