"""Evidence: predictions of the same equations that plans use, held against rows that others measured."""
