"""The modules and names that component code written for Langflow imports, implemented by headrace."""
