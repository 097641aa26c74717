"""Helpers for tests: small contracts, extracts and sources made on the spot, a server that misbehaves to order."""
