"""What models read: worlds in which the truth is known, and people's files. No network is here."""
