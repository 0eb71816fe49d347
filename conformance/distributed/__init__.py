"""One batch on many processes, many devices, in many chunks: the code of one machine, unchanged."""
