"""A rental's bill: what is owed and why, in the reader's language.

rental_story, course -> statement -> bill_document (bill_*)
"""
