"""Published samples, followed from one anchored root to the next and metered again.

sources -> published -> samples -> meter, leaves -> track -> follow -> sample_check
"""
