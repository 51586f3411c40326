"""What an announcement implies, beside what the engine and published projects make plausible.

An announcement is a small file of public figures: power, dollars, chips, tokens, prices, dates. Its ratios are
compared with a stack that the engine searches at that power and with projects that published the same figures.
"""
