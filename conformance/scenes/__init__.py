"""What the vectors ask: inputs, each with the mistake that it catches."""
