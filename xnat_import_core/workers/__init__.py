"""Where plugins work: jobs, and the threads and processes that do them, behind ``submit``, ``close``, ``kind``."""
