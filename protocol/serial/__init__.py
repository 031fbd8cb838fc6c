"""The serial line's language: frames, and what they hold."""
