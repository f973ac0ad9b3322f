"""The fate of every member: kept while an import runs, written when it ends, read back later."""

from xnat_import_core.receipts.records import ImportSummary, ReceiptLine
from xnat_import_core.receipts.store import Receipts

__all__ = ["ImportSummary", "ReceiptLine", "Receipts"]
