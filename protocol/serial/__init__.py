"""The serial line's language, for both of its ends.

(bytes) -> frames -> payloads -> (values), and back
"""
