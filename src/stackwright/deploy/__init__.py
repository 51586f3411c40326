"""Launch files of a plan for real engines."""
