"""The addresses of the REST interface, one module for each family."""
