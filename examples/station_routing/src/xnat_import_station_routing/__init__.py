"""A routing rule on the name of the station that made the images: an example of an extension for xnat-import."""
