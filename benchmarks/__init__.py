"""Speed and loss beside other programs; each writes its figures to benchmarks/results."""
