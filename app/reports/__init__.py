"""One comparison model, many forms: JSON documents and text tables now."""
