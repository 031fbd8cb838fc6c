"""Live readings: signed receipts of what changed, each second, for whoever looks.

(intake.metering) -> receipts -> (signing.pen) -> (broker)
"""
