"""The last rooms: extracted members become sessions of the prearchive."""
