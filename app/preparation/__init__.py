"""Making ready what a recipe wants before it can be measured: prompts that are changed, models that are made."""
