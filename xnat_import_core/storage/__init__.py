"""Where everything lies: the store's tree, safe names, durable writes, staging, the redo list."""
