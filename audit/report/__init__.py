"""What an audit came to, for a terminal, for a browser and for programs."""
