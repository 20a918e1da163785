"""The collector of budgets: what is spent of each, and what is left."""
