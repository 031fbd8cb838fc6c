"""From the broker to the journal: messages in, durable samples and rental logs out.

    ingest -> metering -> journal;   rebuild: journal -> rental logs

`copies` looks at the receipts on the broker for another oracle that signs with the same key.
"""
