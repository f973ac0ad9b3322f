"""XNAT's SI import handler; the plugin is ``xnat_import_si.handler``."""
