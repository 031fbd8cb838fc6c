"""A rental's bill: what is owed and why, in the reader's language.

    rental_story, course -> statement -> bill_document -> (audit.document)

`rental_story` gathers what happened while the audit replays, `course` how usage and balance went.
`bill_document` lays the statement out; `bill_evidence`, `bill_findings` and `bill_writer` are parts
of it, `bill_words` its words with `bill_english` and `bill_german`.
"""
