"""Published samples, followed from one anchored root to the next and metered again.

    sources -> published -> samples -> meter, leaves -> track -> follow -> sample_check

`sources` fetches files, `published` knows a rental's, `samples` reads them. `meter` and `leaves`
make registers and root of them, which `follow` holds against each signed reading, and
`sample_check` does so while events are replayed. `receipt` and `later_keys` judge the newest
published reading; `mirror` makes a verified copy of it all.
"""
