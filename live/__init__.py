"""The page's small endpoint, `drill-http`: read-only, and a process of its own."""
