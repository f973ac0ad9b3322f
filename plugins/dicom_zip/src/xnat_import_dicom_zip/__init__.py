"""XNAT's DICOM-zip import handler; the plugin is ``xnat_import_dicom_zip.handler``."""
