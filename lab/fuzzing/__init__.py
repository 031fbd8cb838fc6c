"""State-machine fuzzing of DrillMeter: everybody at random, against books kept another way.

plan       bytes that hypothesis draws -> a list of operations
operations what each operation sends: its arguments, honest or not
model      what must come of it, said before the call: events, or which faults it has
world      the chains, the deployments, the people
checks     what must hold after each call, every few calls and when everybody has left
replayer   the same state from the events alone
campaign   rounds of hypothesis by seed, over processes
"""
