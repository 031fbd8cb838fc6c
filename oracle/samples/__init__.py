"""Sample logs for auditors: how far each is final, and its files.

    extents -> extent_journal -> publication -> publisher, export

`ocmf` and `ocmf_export` say the same of a whole rental in the format of charging stations.
"""
