"""From the ledger to a better router: whose answers were good, what that teaches, and when it may serve."""
