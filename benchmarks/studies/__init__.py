"""Studies that are made up: realistic headers, pixels of noise, instances without end."""

from benchmarks.studies.archives import Archive, Archives
from benchmarks.studies.series import Study

__all__ = ["Archive", "Archives", "Study"]
