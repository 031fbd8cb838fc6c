"""What every program needs of the machine and network it runs on, once.

Bounded HTTP, secrets on disk, disk space set aside. It may use `protocol` and nothing else of ours;
`device`, `oracle` and `audit` use it.
"""
