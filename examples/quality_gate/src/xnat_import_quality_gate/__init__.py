"""Keeps incomplete series and phantoms out: an example of an extension for xnat-import that uses every hook it may."""
