"""From samples to registers, as pure arithmetic: order of samples, strokes, registers, and the
sample log whose Merkle root is signed.

    order -> stroke -> meter -> sample_log -> live_log, closing_log
"""
