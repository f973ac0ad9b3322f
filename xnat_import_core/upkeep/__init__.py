"""What a service does unasked while it runs."""

from xnat_import_core.upkeep.rounds import Rounds

__all__ = ["Rounds"]
