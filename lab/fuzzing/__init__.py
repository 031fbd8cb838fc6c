"""State-machine fuzzing of DrillMeter: everybody at random, against books kept another way.

plan       bytes that hypothesis draws -> a list of operations
op_*       what each operation sends: its arguments, honest or not (moves)
books      the model's state; offers, life and settling say what must come of a call beforehand:
           events, or which faults it has
world      the chains, the deployments, the people and their tokens (assets)
game       sends a call and holds what comes of it against what was said; play: a whole plan
checks     what must hold after each call, every few calls and when everybody has left (exit)
replayer   the same state from the events alone
notes      situations that none may stay away from; reasons: every refusal there is
shrink     a failing plan made short
campaign   rounds of hypothesis by seed, over processes; report: what it came to
"""
