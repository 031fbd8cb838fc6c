"""How well a drill's condition is told: simulated lives, public data, recordings of real drills.

worlds -> lives (charts) -> table <- ai4i;   recordings
worlds      drills with bits and bearings that wear on purpose, as samples
lives       whole lives of many seeds: announced in time, false tickets, intervals
charts      what plain charts say of the same holes
ai4i        a public set of labelled failures
recordings  `--traces`: what is found in CSV files
table       all of it as text
"""
