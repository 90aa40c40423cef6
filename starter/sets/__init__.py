"""One module per starter prompt set. Each offers `make`, the saved prompts, and `practice`, short chats to train on.

Both give the same for the same seed.
"""
