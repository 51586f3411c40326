"""The joint optimum over all layers, how good it is, and what the runners-up would cost."""
