"""Launch files of a plan for engines that exist: commands, Kubernetes manifests, values of charts, a benchmark.

A table of an engine's version says which of its settings carries which choice of a plan; what no setting carries is
said in the files. `service.py` reads a plan, `table.py` a table, `launch.py` joins them, and `files.py` writes.
"""
