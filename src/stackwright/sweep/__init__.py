"""Sweeps: one study at many points of its fields, or under many draws of its inputs, on any number of machines.

The points are read and checked before anything runs, then worked off in chunks; each finished chunk is one Parquet
file that knows what it was made from, so that an interrupted sweep goes on where it was.
"""
