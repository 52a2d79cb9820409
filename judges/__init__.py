"""Who says how good an answer is: the hidden judge, simulated labelers, rewards, the exam."""
