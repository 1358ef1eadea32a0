"""The flow of one record: pull, decide, deliver, settle (design §3)."""
