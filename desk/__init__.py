"""People at work: the shelf of checkpoints, the labelers' desk, its page in the browser."""
