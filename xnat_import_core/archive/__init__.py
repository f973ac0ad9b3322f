"""The final space. Archiving comes with a later release; its hook is part of the contract already."""
