"""What `scripts/fresh` makes for a new Debian root, and what it looks at there afterwards."""
