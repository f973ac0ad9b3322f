"""The fate of every member: kept while an import runs, written when it ends, read back later.

Only the records are imported here: a worker knows them, and needs no database.
"""

from xnat_import_core.receipts.records import ImportSummary, ReceiptLine

__all__ = ["ImportSummary", "ReceiptLine"]
