"""Work on prompts that loads a model: each module here runs in a process of its own and speaks JSON lines."""
