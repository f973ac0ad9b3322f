"""NIfTI images with their JSON sidecars, for xnat-import: an example of a handler for a format that is not DICOM."""
