"""What is made before an engine starts: quantized checkpoints, by tools in environments of their own."""
