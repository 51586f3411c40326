"""The OpenAI-compatible endpoint of a planned stack, on the wall clock."""
