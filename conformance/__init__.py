"""What holds an implementation against the formulas; it shares no code with `yolo_losses`."""
