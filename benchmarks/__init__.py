"""How fast the service is, beside the floor of the machine, a lab's own script and Orthanc. Start with README.md."""
