"""A node that lies to the auditor, one field at a time, about a history with something to hide."""
