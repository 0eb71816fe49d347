"""All vectors on all libraries: `python -m conformance.run`."""
