"""What all sides of Smart Drill share: records, arithmetic, typed data, sample codec, Merkle log.

Everything here is pure: no file, no socket, no clock. A number carries its unit in its name; money
is an integer count of the asset's smallest unit (wei for a native coin).
"""
