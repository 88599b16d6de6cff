"""Real effects: probe pods of the tenants, what they reach, and the removal of all that was made
for them."""
