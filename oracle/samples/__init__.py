"""Sample logs for auditors: how far each is final, and its files.

    extents -> extent_journal -> publication -> publisher, export -> (files)

`extent` is the rule by which a log is final, `publication` decides what is written next. `ocmf`
and `ocmf_export` say the same of a whole rental in the format of charging stations.
"""
