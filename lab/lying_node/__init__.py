"""A node that lies to the auditor, one field at a time, about a history with something to hide.

    truth -> lies -> play

`truth` records an honest audit and each answer that it got, `lies` alters one field of one answer,
`play` audits again and says whether the verdict may stand.
"""
